// The page: what a learner records goes into the browser's keep first, then to
// the server until it is accepted, and its reply into the thread.

import * as api from "./api.js";
import { announce, el, find, icon, plain, remembered, uuid } from "./dom.js";
import { Keep } from "./keep.js";
import { Player } from "./player.js";
import { Practice } from "./practice.js";
import { Sentences } from "./sentences.js";
import { Thread } from "./thread.js";

/** The limits where the server can't be asked: its own defaults. */
const LIMITS = { max_bytes: 10 << 20, max_text: 600, max_seconds: 60 };

/** What is said when the server refuses without words of its own. */
const REFUSED = {
  malformed: "mynah could not read what this page sent. Reload the page and try again.",
  default: "mynah did not take this recording. Reload the page and try again.",
};

/** wait says how long something takes. */
function wait(seconds) {
  if (!seconds || seconds < 10) return "a few seconds";
  if (seconds < 90) return `${Math.ceil(seconds)} seconds`;
  if (seconds < 5400) return `${Math.ceil(seconds / 60)} minutes`;
  return `${Math.ceil(seconds / 3600)} hours`;
}

class App {
  #keep;
  #pumping = false;
  #patience = new api.Patience();
  #player = new Player();
  #thread;
  #follower = new api.Follower((item) => this.#arrived(item, true), (id) => this.#lost(id));

  async start() {
    this.#theme();
    this.#dialogs();
    const limits = { ...LIMITS };
    const practice = new Practice(this.#player, limits, (taken) => this.#send(taken));
    this.#thread = new Thread(this.#player, (text) => practice.again(text));
    const sentences = new Sentences((s) => practice.show(s.text, `${s.level} · ${s.aim}`));
    this.#keep = await Keep.open();
    for (const kept of this.#keep.all()) this.#entry(kept).state(kept.note ? "listening" : "sending");
    this.#insist(async () => this.#privacy(Object.assign(limits, await api.settings())));
    this.#insist(async () => {
      await sentences.load();
      if (practice.text() === "") sentences.first();
    });
    await this.#insist(() => this.#load());
    document.documentElement.dataset.ready = "yes";
    this.#pump();
    document.addEventListener("visibilitychange", () => document.hidden || this.#load().catch(() => {}));
  }

  /** #insist repeats what must be done until it is done. */
  async #insist(act) {
    for (const patience = new api.Patience(); ; ) {
      try {
        await act();
        this.#connected();
        return;
      } catch (err) {
        if (err instanceof api.Refused) return;
        this.#away(err);
        await patience.wait(err.seconds);
      }
    }
  }

  #connected() {
    find("connection").textContent = "";
  }

  #away(err) {
    find("connection").textContent = navigator.onLine === false && location.hostname !== "localhost"
      ? "You are offline. mynah will try again by itself."
      : err.message === "busy" ? `Time for a short break: mynah takes the next recording in ${wait(err.seconds)}.`
        : "mynah can't be reached just now. It will try again by itself.";
  }

  /** #load brings the thread up to date with the server. */
  async #load() {
    const items = await api.thread();
    for (const item of items.reverse()) this.#arrived(item, false);
    // What the server has forgotten is not kept here any longer either.
    const known = new Set(items.map((item) => item.id));
    for (const kept of this.#keep.all()) {
      if (!kept.note || known.has(kept.note)) continue;
      await this.#keep.delete(kept.uuid);
      this.#thread.remove(kept.uuid);
    }
  }

  #entry(kept) {
    return this.#thread.entry({ uuid: kept.uuid, text: kept.text, received: new Date(kept.created), blob: kept.blob, seconds: kept.seconds });
  }

  /** #arrived shows an item of the server's. */
  #arrived(item, fresh) {
    const id = item.id.slice(-36);
    const kept = this.#keep.get(id);
    const entry = kept ? this.#entry(kept)
      : this.#thread.entry({ uuid: id, text: item.text || item.reply?.assessment?.text || "", received: new Date(item.received), blob: null, seconds: item.reply?.assessment?.seconds ?? null });
    if (item.state === "done") {
      entry.reply(item.reply, fresh);
      return;
    }
    entry.state("listening");
    this.#follower.follow(item.id);
  }

  #lost(note) {
    const id = note.slice(-36);
    const kept = this.#keep.get(id);
    if (kept) this.#entry(kept).state("lost");
  }

  async #send(taken) {
    const kept = { uuid: uuid(), ...taken, text: plain(taken.text), created: Date.now(), note: null };
    this.#entry(kept).state("sending");
    await this.#keep.put(kept);
    this.#patience.wake();
    this.#pump();
  }

  /** #pump sends what the server has not accepted yet, in order, until all is. */
  async #pump() {
    if (this.#pumping) return;
    this.#pumping = true;
    for (let kept; (kept = this.#keep.all().find((k) => !k.note)); ) {
      const entry = this.#entry(kept);
      try {
        kept.note = await api.send(kept);
        if (!this.#keep.get(kept.uuid)) continue; // forgotten meanwhile
        await this.#keep.put(kept);
        this.#patience.reset();
        this.#connected();
        entry.state("listening");
        this.#follower.follow(kept.note);
      } catch (err) {
        if (err instanceof api.Refused) {
          await this.#keep.delete(kept.uuid);
          entry.reply({ kind: "advice", reason: err.reason, text: err.advice || REFUSED[err.reason] || REFUSED.default }, true);
          continue;
        }
        entry.state(err.message === "busy" ? "busy" : "waiting");
        this.#away(err);
        await this.#patience.wait(err.seconds);
      }
    }
    this.#pumping = false;
  }

  #theme() {
    const names = { "light dark": "as the system", light: "light", dark: "dark" };
    const order = Object.keys(names);
    let at = Math.max(0, order.indexOf(remembered.get("theme")));
    const show = () => {
      document.documentElement.style.colorScheme = order[at];
      find("theme").setAttribute("aria-label", `Colours: ${names[order[at]]}`);
      find("theme").title = `Colours: ${names[order[at]]}`;
    };
    find("theme").addEventListener("click", () => {
      at = (at + 1) % order.length;
      remembered.set("theme", order[at]);
      show();
      announce(`Colours: ${names[order[at]]}`);
    });
    show();
  }

  /** #privacy says what is true of this server. */
  #privacy(settings) {
    const here = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname) ? "this machine" : "this server";
    const line = settings.words_elsewhere ? `Your voice stays on ${here}` : `Nothing leaves ${here}`;
    for (const e of document.querySelectorAll(".privacy-line")) e.textContent = line;
    find("words-elsewhere").hidden = !settings.words_elsewhere;
  }

  #dialogs() {
    for (const name of ["help", "privacy"]) find(`open-${name}`).addEventListener("click", () => find(name).showModal());
    for (const dialog of document.querySelectorAll("dialog")) {
      dialog.addEventListener("click", (event) => event.target === dialog && dialog.close()); // on its backdrop
    }
    const button = find("forget");
    let sure = false;
    const ask = (again) => {
      sure = again;
      button.textContent = again ? "Yes, forget everything" : "Forget me";
    };
    find("privacy").addEventListener("close", () => ask(false));
    button.addEventListener("click", async () => {
      if (!sure) {
        ask(true);
        return;
      }
      button.disabled = true;
      find("forget-status").textContent = "Forgetting…";
      try {
        await api.forget();
        this.#follower.stop();
        await this.#keep.clear();
        this.#thread.clear();
        find("forget-status").replaceChildren(icon("hint"), el("span", {}, " Done. mynah has forgotten you."));
      } catch {
        find("forget-status").textContent = "That did not work completely. Please try again in a moment.";
      }
      button.disabled = false;
      ask(false);
    });
  }
}

new App().start();
