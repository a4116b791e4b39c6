// A reply as the learner sees it: the words to read, the marked sentence, the
// sounds of a word, the four aspects.

import { el, icon, plain } from "./dom.js";
import { MARKS, MISSING, exampleOf, gradeOf, howSure, ipaOf, markOf, markOfWord, sure } from "./marks.js";
import { speech } from "./player.js";

const ASPECTS = ["accuracy", "fluency", "prosody", "completeness"];

let panels = 0; // for ids of panels, which aria-controls needs

/**
 * replyCard builds the card of a coach.Reply. voice is {blob: () => Blob|null,
 * player}, the learner's recording.
 */
export function replyCard(reply, voice) {
  const card = el("article", { className: "reply", data: { testid: "reply", kind: reply.kind } });
  card.append(el("div", { className: "reply-text", data: { testid: "reply-text" } }, ...paragraphs(reply.text)));
  if (reply.kind === "coaching" && reply.assessment) {
    card.append(...assessment(reply.assessment, reply.rationale?.claims ?? [], voice));
  } else {
    card.prepend(el("div", { className: "reply-icon" }, icon("hint")));
  }
  return card;
}

function paragraphs(text) {
  return plain(text)
    .split(/\n\s*\n/)
    .filter((p) => p.trim() !== "")
    .map((p) => el("p", { dir: "auto" }, p.trim()));
}

/** assessment builds the sentence with its panel and legend, and the aspects. */
function assessment(a, claims, voice) {
  const words = a.words ?? [];
  const panel = el("div", { className: "panel", id: `panel-${++panels}`, data: { testid: "panel" }, role: "region", hidden: true });
  const buttons = words.map((word) => wordButton(word, panel.id));
  let open = -1;
  const show = (i) => {
    if (open >= 0) buttons[open].setAttribute("aria-expanded", "false");
    open = open === i ? -1 : i;
    panel.hidden = open < 0;
    if (open < 0) return;
    buttons[i].setAttribute("aria-expanded", "true");
    panel.setAttribute("aria-label", `The sounds of “${plain(words[i].text)}”`);
    panel.replaceChildren(...panelOf(words[i], claims.filter((c) => c.word === i), voice));
  };
  buttons.forEach((b, i) => b.addEventListener("click", () => show(i)));
  const fix = claims.find((c) => (c.kind === "phone" || c.kind === "word") && words[c.word]);
  if (fix) show(fix.word);

  return [
    sentence(a, buttons),
    legend(words),
    panel,
    el("ul", { className: "aspects", data: { testid: "aspects" }, "aria-label": "The whole sentence" },
      ASPECTS.map((name) => aspect(name, a.sentence[name]))),
  ];
}

function wordButton(word, panelID) {
  const mark = markOfWord(word);
  return el("button", {
    className: "word", type: "button",
    data: { testid: "word", mark },
    "aria-expanded": "false", "aria-controls": panelID,
  },
    el("bdi", { className: "word-text" }, word.text),
    el("span", { className: "word-mark", "aria-hidden": "true" }, MARKS[mark].glyph),
    el("span", { className: "hidden" }, `: ${MARKS[mark].word}`));
}

/** sentence lays the words out with what stands between them: punctuation as it
 *  was typed, and pauses as they were heard. */
function sentence(a, buttons) {
  const between = gaps(plain(a.text), a.words.map((w) => plain(w.text)));
  const pauses = new Map((a.pauses ?? []).map((p) => [p.after, p.end - p.start]));
  return el("div", { className: "sentence", data: { testid: "marked-sentence" }, role: "group", "aria-label": "Your sentence, word by word" },
    buttons.map((button, i) => [
      el("span", { className: "chunk" }, between[i].opens, button, between[i + 1].closes),
      pauses.has(i) ? pause(pauses.get(i)) : null,
    ]));
}

/** gaps returns what stands before, between and after the words, parted into
 *  what closes the word before (a comma) and what opens the next (a quote). */
function gaps(text, words) {
  const found = [];
  let from = 0;
  for (const word of words) {
    const at = text.indexOf(word, from);
    found.push(at < 0 ? "" : text.slice(from, at));
    if (at >= 0) from = at + word.length;
  }
  found.push(text.slice(from));
  return found.map((gap, i) => {
    if (i === 0) return { closes: "", opens: gap.trim() };
    if (i === words.length) return { closes: gap.trim(), opens: "" };
    const space = gap.search(/\s\S*$/);
    return space < 0 ? { closes: gap, opens: "" } : { closes: gap.slice(0, space).trim(), opens: gap.slice(space).trim() };
  });
}

function pause(seconds) {
  const length = seconds.toFixed(1);
  return el("span", { className: "pause", data: { testid: "pause" }, title: "You paused here" },
    el("span", { "aria-hidden": "true" }, `‖ ${length} s`),
    el("span", { className: "hidden" }, `a pause of ${length} seconds`));
}

/** legend explains the marks that occur. */
function legend(words) {
  const there = new Set(words.map(markOfWord));
  return el("ul", { className: "legend", "aria-label": "What the marks mean" },
    Object.entries(MARKS).filter(([mark]) => there.has(mark)).map(([mark, { glyph, word }]) =>
      el("li", {}, el("span", { className: "mark", data: { mark }, "aria-hidden": "true" }, glyph), ` ${word}`)));
}

function aspect(name, judgement) {
  const { word, steps } = gradeOf(judgement);
  return el("li", { className: "aspect", data: { testid: `aspect-${name}`, steps: String(steps) } },
    el("span", { className: "aspect-name" }, name),
    el("span", { className: "aspect-word" }, word),
    el("span", { className: "meter", "aria-hidden": "true" }, [1, 2, 3, 4, 5].map((s) => el("i", { className: s <= steps ? "on" : "" }))));
}

/** panelOf builds what is known of one word. */
function panelOf(word, claims, voice) {
  const mark = markOfWord(word);
  const verdict = mark === "unheard" || mark === "unsure"
    ? MARKS[mark].word
    : `${MARKS[mark].word}, mynah is ${howSure(word.accuracy.confidence)}`;
  const parts = [
    el("div", { className: "panel-head" },
      el("h3", { data: { testid: "panel-word" } }, el("bdi", {}, word.text)),
      el("p", { className: "verdict" }, el("span", { className: "mark", data: { mark }, "aria-hidden": "true" }, MARKS[mark].glyph), ` ${verdict}`),
      el("div", { className: "panel-tools" }, hearMine(word, voice), hearSaid(word))),
  ];
  for (const text of new Set(claims.map((c) => c.text).filter(Boolean))) {
    parts.push(el("p", { className: "cue", data: { testid: "cue" }, dir: "auto" }, icon("hint"), el("span", {}, text)));
  }
  if (!word.spoken) {
    parts.push(el("p", {}, "mynah did not find this word in your recording. If you did say it, try once more, a little louder."));
  }
  const phones = word.phones ?? [];
  if (word.spoken && phones.length > 0) {
    parts.push(el("ul", { className: "phones", data: { testid: "phones" }, "aria-label": "Its sounds, in order" }, phones.map(phone)));
  }
  if (phones.filter((p) => isVowel(p.expected)).length > 1 && sure(word.stress)) {
    const { word: grade } = gradeOf(word.stress);
    parts.push(el("p", { className: "fine", data: { testid: "stress" } }, `Stress of the word: ${grade}.`));
  }
  return parts;
}

const isVowel = (phoneme) => /^[AEIOU]/.test(phoneme);

function phone(p) {
  const mark = markOf(p.accuracy);
  const example = exampleOf(p.expected);
  const judged = mark !== "unsure";
  let heard = null;
  if (judged && p.heard === MISSING) heard = "left out";
  else if (judged && p.heard) heard = `sounded like ${ipaOf(p.heard)}${exampleOf(p.heard) ? `, as in ${exampleOf(p.heard)}` : ""}`;
  return el("li", { className: "phone", data: { testid: "phone", mark } },
    el("span", { className: "phone-ipa" }, `${p.stress === 1 ? "ˈ" : p.stress === 2 ? "ˌ" : ""}${p.ipa || ipaOf(p.expected)}`),
    example ? el("span", { className: "phone-example" }, `as in ${example}`) : null,
    el("span", { className: "phone-verdict" },
      el("span", { className: "mark", data: { mark }, "aria-hidden": "true" }, MARKS[mark].glyph), ` ${MARKS[mark].word}`),
    heard ? el("span", { className: "phone-heard", data: { testid: "heard" } }, heard) : null,
    judged ? el("span", { className: "phone-sure" }, howSure(p.accuracy.confidence)) : null);
}

/** hearMine plays the word from the learner's recording, where this browser
 *  has it. */
function hearMine(word, voice) {
  const blob = voice.blob();
  if (!blob || !word.spoken || !(word.end > word.start)) return null;
  const button = el("button", { className: "soft", type: "button", data: { testid: "hear-word" } }, icon("play"), "Hear yours");
  button.addEventListener("click", async () => {
    button.dataset.playing = "yes";
    try {
      await voice.player.play(blob, word);
    } catch {
      button.replaceChildren("This browser can't play it");
      button.disabled = true;
    }
    delete button.dataset.playing;
  });
  return button;
}

function hearSaid(word) {
  if (!speech.available()) return null;
  return el("button", { className: "soft", type: "button", onclick: () => speech.say(plain(word.text)) }, icon("sound"), "Hear it said");
}
