// Small helpers for building the page. Text always becomes text nodes: nothing
// here, or elsewhere on the page, parses markup.

const SVG = "http://www.w3.org/2000/svg";

/** find returns the element with the id, which must exist. */
export function find(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

/**
 * el makes an element. Properties starting with "on" are listeners, "data" is
 * an object of data attributes, "aria-…" and "role" are attributes, others are
 * properties of the element. Children are nodes or strings, which are shown
 * plain; null is left out.
 */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "data") Object.assign(node.dataset, value);
    else if (key.startsWith("aria-") || key === "role") node.setAttribute(key, value);
    else node[key] = value;
  }
  node.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined)
    .map((c) => (c instanceof Node ? c : plain(c))));
  return node;
}

/** icon draws a symbol of icons.svg, for the eye only. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

// Characters that are not seen but change what is: controls except tab and
// line feed, direction marks, zero-width characters, language tags. Joiners
// (U+200C, U+200D) stay: some scripts are written with them.
const UNSEEN = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u061C\u200B\u200E\u200F\u202A-\u202E\u2060-\u2069\uFEFF\u{E0000}-\u{E007F}]/gu;

/** plain returns text as it may be shown: without unseen characters. */
export function plain(text) {
  return String(text ?? "").replace(UNSEEN, "");
}

/** clock writes seconds as 0:07. */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** when writes a time as people say it. */
export function when(date, now = new Date()) {
  const time = date.toLocaleTimeString([], { hour: "numeric", minute: "2-digit" });
  if (date.toDateString() === now.toDateString()) return time;
  return `${date.toLocaleDateString([], { day: "numeric", month: "short" })}, ${time}`;
}

/** uuid makes a random (version 4) UUID, also where the page is not secure. */
export function uuid() {
  const b = crypto.getRandomValues(new Uint8Array(16));
  b[6] = (b[6] & 0x0f) | 0x40;
  b[8] = (b[8] & 0x3f) | 0x80;
  const hex = Array.from(b, (x) => x.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** announce tells people who listen to the page what has changed. */
export function announce(text) {
  find("announce").textContent = text;
}

/** remembered reads and writes a small setting; storage may be forbidden. */
export const remembered = {
  get(key) {
    try {
      return localStorage.getItem(`mynah.${key}`);
    } catch {
      return null;
    }
  },
  set(key, value) {
    try {
      localStorage.setItem(`mynah.${key}`, value);
    } catch {
      // The setting lasts for this visit only.
    }
  },
};
