// The thread: every note with its recording, its state and its reply.

import { announce, clock, el, find, icon, plain, when } from "./dom.js";
import { replyCard } from "./reply.js";

/** How long a reply normally takes at most; longer is said to be long. */
const LONG_MS = 8000;

/** What a note's states are called. A reply takes the place of its state. */
const STATES = {
  sending: "Sending…",
  waiting: "Kept safe in this browser. It is sent as soon as mynah can be reached.",
  listening: "Listening to your recording…",
  long: "Still listening. Your recording is safe, and the reply will come by itself.",
  busy: "You have practised a lot in a short time. This recording is kept here, and is sent by itself in a while.",
  lost: "This note is not known any more. Record it again if you like.",
};

export class Thread {
  #entries = new Map(); // uuid -> Entry
  #list = find("thread");

  /** again is called with the sentence of a note to be tried again. */
  constructor(player, again) {
    this.player = player;
    this.again = again;
    this.#empty();
  }

  has(uuid) {
    return this.#entries.has(uuid);
  }

  uuids() {
    return [...this.#entries.keys()];
  }

  /** entry returns the note's entry, made where there is none: {uuid, text,
   *  received (Date), blob, seconds}. */
  entry(note) {
    let entry = this.#entries.get(note.uuid);
    if (entry) return entry;
    entry = new Entry(note, this.player, this.again);
    this.#entries.set(note.uuid, entry);
    const later = [...this.#entries.values()].filter((e) => e.note.received <= note.received && e !== entry)
      .sort((a, b) => b.note.received - a.note.received)[0];
    this.#list.insertBefore(entry.root, later?.root ?? null); // newest first
    this.#empty();
    return entry;
  }

  remove(uuid) {
    this.#entries.get(uuid)?.close();
    this.#entries.delete(uuid);
    this.#empty();
  }

  clear() {
    for (const uuid of this.uuids()) this.remove(uuid);
  }

  #empty() {
    find("empty").hidden = this.#entries.size > 0;
  }
}

const face = () => el("img", { className: "face", src: "/icon.svg", alt: "mynah", width: 32, height: 32 });

class Entry {
  #slot = el("div", { className: "slot" });
  #play = null;
  #timer = null;
  #reply = null;
  #state = null;

  constructor(note, player, again) {
    this.note = note;
    this.player = player;
    this.root = el("li", { className: "entry", data: { testid: "entry", uuid: note.uuid } },
      this.#mine(again), this.#slot);
  }

  #mine(again) {
    const { text, received, seconds, blob } = this.note;
    if (blob) {
      this.#play = el("button", { className: "round", type: "button", data: { testid: "hear-note" }, "aria-label": "Listen to your recording", onclick: () => this.#toggle() }, icon("play"));
    }
    return el("div", { className: "mine", data: { testid: "mine" } },
      this.#play,
      el("div", { className: "mine-text" },
        el("p", { dir: "auto" }, text),
        el("p", { className: "fine" },
          el("time", { dateTime: received.toISOString() }, when(received)),
          seconds ? ` · ${clock(Math.max(1, Math.round(seconds)))}` : null)),
      el("button", { className: "soft try", type: "button", data: { testid: "try-again" }, onclick: () => again(text) }, icon("redo"), el("span", {}, "Try again")));
  }

  async #toggle() {
    if (this.#play.dataset.playing) {
      this.player.stop();
      return;
    }
    this.#setPlaying(true);
    try {
      await this.player.play(this.note.blob, null, (t) => this.#follow(t));
    } catch {
      this.#play.disabled = true;
      this.#play.title = "This browser can't play it";
    }
    this.#follow(-1);
    this.#setPlaying(false);
  }

  #setPlaying(on) {
    this.#play.replaceChildren(icon(on ? "stop" : "play"));
    this.#play.setAttribute("aria-label", on ? "Stop" : "Listen to your recording");
    if (on) this.#play.dataset.playing = "yes";
    else delete this.#play.dataset.playing;
  }

  /** #follow lights the word that is being heard. */
  #follow(t) {
    const words = this.#reply?.assessment?.words ?? [];
    this.root.querySelectorAll(".word").forEach((button, i) => {
      const word = words[i];
      button.classList.toggle("now", Boolean(word?.spoken) && t >= word.start && t < word.end);
    });
  }

  /** state shows how far the note has come, one of STATES. */
  state(name) {
    if (this.#reply || this.#state === name) return;
    this.#state = name;
    clearTimeout(this.#timer);
    if (name === "listening") this.#timer = setTimeout(() => this.state("long"), LONG_MS);
    const busy = name !== "lost";
    this.#slot.replaceChildren(face(), el("div", { className: "state", data: { testid: "state", state: name }, role: "status" },
      busy ? el("span", { className: "dots", "aria-hidden": "true" }, el("i"), el("i"), el("i")) : null,
      el("span", {}, STATES[name])));
  }

  /** reply shows the reply; the same again changes nothing. */
  reply(reply, fresh) {
    if (this.#reply) return;
    this.#reply = reply;
    clearTimeout(this.#timer);
    const card = replyCard(reply, { blob: () => this.note.blob ?? null, player: this.player });
    if (fresh) {
      card.classList.add("fresh");
      announce(`mynah replied: ${plain(reply.text)}`);
    }
    this.#slot.replaceChildren(face(), card);
  }

  close() {
    clearTimeout(this.#timer);
    this.root.remove();
  }
}
