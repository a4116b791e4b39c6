// The card at the top: the sentence, the recorder, and sending.

import { announce, clock, el, find, icon, plain, remembered } from "./dom.js";
import { speech } from "./player.js";
import { Recorder } from "./recorder.js";

/** Below this level for QUIET_SECONDS there is nobody speaking. */
const QUIET_LEVEL = 0.18;
const QUIET_SECONDS = 3;
/** A recording shorter than this was a slip of the finger. */
const LEAST_SECONDS = 0.4;

/** byKey is a hint for people with a keyboard. */
const byKey = (before, key, after = "") => el("span", { className: "keyboard" }, before, el("kbd", {}, key), after);

export class Practice {
  #state = "ready"; // ready, starting, recording, stopping, review
  #recorder = null;
  #taken = null; // {blob, name, seconds}
  #wave;
  #root = find("practice");
  #sentence = find("sentence");

  /** send is called with {text, blob, name, seconds}. */
  constructor(player, limits, send) {
    this.player = player;
    this.limits = limits;
    this.send = send;
    this.#wave = new Wave(find("wave"));
    find("record").addEventListener("click", () => this.#press());
    find("redo").addEventListener("click", () => this.#redo());
    find("send").addEventListener("click", () => this.#submit());
    find("play").addEventListener("click", () => this.#listen());
    find("file").addEventListener("change", (event) => this.#file(event.target.files[0]));
    this.#sentence.addEventListener("input", () => this.#typed());
    find("at-once").checked = remembered.get("at-once") === "yes";
    find("at-once").addEventListener("change", (event) => remembered.set("at-once", event.target.checked ? "yes" : "no"));
    find("say").addEventListener("click", () => speech.say(this.text()));
    speech.whenAvailable(() => { find("say").hidden = false; });
    this.#keys();
    this.#drops();
    new ResizeObserver(() => this.#fit()).observe(this.#sentence);
  }

  text() {
    return this.#sentence.value.trim();
  }

  /** show puts a sentence on the card; tag says what it is good for. */
  show(text, tag = "") {
    if (this.#state === "recording" || this.#state === "review") this.#cancel();
    this.#sentence.value = plain(text);
    this.#typed();
    find("focus").textContent = tag;
    find("focus").hidden = tag === "";
  }

  /** again puts a sentence on the card and brings the learner to the button. */
  again(text) {
    this.show(text);
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#root.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
    find("record").focus({ preventScroll: true });
  }

  #typed() {
    find("focus").hidden = true;
    const left = this.limits.max_text - [...this.text()].length;
    find("count").textContent = left < 60 ? `(${left < 0 ? `${-left} too many` : `${left} left`})` : "";
    this.#fit();
    this.#notice("");
  }

  /** #fit makes the field as tall as its text. */
  #fit() {
    this.#sentence.style.height = "auto";
    this.#sentence.style.height = `${this.#sentence.scrollHeight}px`;
  }

  #enter(state) {
    this.#state = state;
    this.#root.dataset.state = state;
    const recording = state === "recording";
    find("record-label").textContent = recording ? "Stop" : state === "review" ? "Record again" : "Record";
    find("record").setAttribute("aria-pressed", String(recording));
    find("review").hidden = state !== "review";
    find("record-help").replaceChildren(...({
      recording: ["Read it aloud, then press again", byKey(" (", "Esc", " cancels)")],
      starting: ["Waiting for the microphone…"],
      stopping: ["One moment…"],
      review: ["Happy with it?"],
    }[state] ?? ["Press to record", byKey(", or tap ", "Space")]));
  }

  #notice(text, kind = "hint") {
    const notice = find("notice");
    notice.hidden = text === "";
    notice.dataset.kind = kind;
    if (notice.textContent !== text) notice.textContent = text;
  }

  /** #ready says whether the sentence may be read, and tells the learner why
   *  not. */
  #ready() {
    const length = [...this.text()].length;
    if (length === 0) this.#notice("Choose a sentence or type one first: mynah compares what you say with it.");
    else if (length > this.limits.max_text) this.#notice(`That is a long text. Keep to ${this.limits.max_text} characters: one or two sentences work best.`);
    else return true;
    this.#sentence.focus();
    return false;
  }

  async #press() {
    if (this.#state === "recording") await this.#stop();
    else if (this.#state === "ready" || this.#state === "review") await this.#start();
  }

  async #start() {
    if (!this.#ready()) return;
    this.player.stop();
    globalThis.speechSynthesis?.cancel();
    this.#taken = null;
    this.#notice("");
    this.#enter("starting");
    try {
      this.#recorder = await Recorder.start();
    } catch (err) {
      this.#enter("ready");
      this.#notice(err.message, "trouble");
      return;
    }
    this.#enter("recording");
    announce("Recording");
    this.#watch(this.#recorder);
  }

  /** #watch draws the level, keeps the time and ends at the limit. */
  #watch(recorder) {
    this.#wave.clear();
    let heard = 0;
    const tick = () => {
      if (this.#recorder !== recorder || this.#state !== "recording") return;
      const seconds = recorder.seconds();
      const level = recorder.level();
      this.#root.style.setProperty("--level", level.toFixed(3));
      this.#wave.add(level);
      find("timer").textContent = clock(seconds);
      if (level > QUIET_LEVEL) heard = seconds;
      this.#notice(seconds - heard > QUIET_SECONDS ? "mynah can't hear you. Is the right microphone on, and near enough?"
        : seconds > this.limits.max_seconds - 10 ? `${Math.ceil(this.limits.max_seconds - seconds)} seconds left` : "");
      if (seconds >= this.limits.max_seconds - 0.5) this.#stop();
      else requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  async #stop() {
    const recorder = this.#recorder;
    this.#enter("stopping");
    const taken = await recorder.stop();
    this.#recorder = null;
    this.#root.style.removeProperty("--level");
    if (taken.seconds < LEAST_SECONDS || taken.blob.size === 0) {
      this.#enter("ready");
      this.#notice("That was very short. Press once to start, read the sentence, then press again.");
      return;
    }
    announce(`Recorded ${Math.round(taken.seconds)} seconds`);
    this.#take(taken);
  }

  #take(taken) {
    this.#notice("");
    this.#taken = taken;
    find("timer").textContent = taken.seconds === null ? "" : clock(taken.seconds);
    this.#enter("review");
    if (find("at-once").checked) this.#submit();
    else find("send").focus();
  }

  #cancel() {
    this.#recorder?.cancel();
    this.#recorder = null;
    this.#taken = null;
    this.player.stop();
    this.#root.style.removeProperty("--level");
    this.#wave.clear();
    find("timer").textContent = "0:00";
    this.#notice("");
    this.#enter("ready");
  }

  async #redo() {
    this.player.stop();
    await this.#start();
  }

  #submit() {
    if (!this.#taken || !this.#ready()) return;
    const { blob, name, seconds } = this.#taken;
    const text = this.text();
    this.#cancel();
    find("record").focus({ preventScroll: true });
    this.send({ text, blob, name, seconds });
  }

  async #listen() {
    const button = find("play");
    if (button.dataset.playing) {
      this.player.stop();
      return;
    }
    button.dataset.playing = "yes";
    button.replaceChildren(icon("stop"), "Stop");
    try {
      await this.player.play(this.#taken.blob);
    } catch {
      this.#notice("This browser can't play that file. mynah may still understand it.");
    }
    delete button.dataset.playing;
    button.replaceChildren(icon("play"), "Listen");
  }

  #file(file) {
    find("file").value = "";
    if (!file) return;
    if (this.#state === "recording" || this.#state === "starting") return;
    if (file.size > this.limits.max_bytes) {
      this.#notice(`That file is larger than ${Math.floor(this.limits.max_bytes / (1 << 20))} MB. Send just the sentence.`);
      return;
    }
    if (file.size === 0) {
      this.#notice("That file is empty. Choose another one, or record here.");
      return;
    }
    this.#take({ blob: file, name: file.name, seconds: null });
  }

  #keys() {
    document.addEventListener("keydown", (event) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      if (event.key === "Escape" && (this.#state === "recording" || this.#state === "review")) {
        this.#cancel();
        find("record").focus();
      }
      // Space does what it always does on a field or a button.
      const on = event.target.closest?.("button, input, textarea, select, a, summary, label");
      if (event.code === "Space" && !event.repeat && !on) {
        event.preventDefault();
        this.#press();
      }
    });
    this.#sentence.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { // it is one sentence
        event.preventDefault();
        find("record").focus();
      }
    });
  }

  #drops() {
    let inside = 0;
    const carries = (event) => event.dataTransfer?.types.includes("Files");
    const over = (on) => this.#root.classList.toggle("dropping", on);
    addEventListener("dragenter", (event) => { if (carries(event)) over(++inside > 0); });
    addEventListener("dragleave", (event) => { if (carries(event)) over(--inside > 0); });
    addEventListener("dragover", (event) => carries(event) && event.preventDefault());
    addEventListener("drop", (event) => {
      if (!carries(event)) return;
      event.preventDefault(); // or the browser would open the file
      inside = 0;
      over(false);
      this.#file(event.dataTransfer.files[0]);
    });
  }
}

/** Wave draws the last levels as bars, the newest at the right. */
class Wave {
  #levels = [];
  #last = 0;

  constructor(canvas) {
    this.canvas = canvas;
    this.#draw();
    new ResizeObserver(() => this.#draw()).observe(canvas);
  }

  clear() {
    this.#levels = [];
    this.#draw();
  }

  add(level) {
    const now = performance.now();
    if (now - this.#last < 50) return;
    this.#last = now;
    this.#levels.push(level);
    if (this.#levels.length > 400) this.#levels.shift();
    this.#draw();
  }

  #draw() {
    const scale = devicePixelRatio || 1;
    const { clientWidth: w, clientHeight: h } = this.canvas;
    if (w === 0) return;
    if (this.canvas.width !== Math.round(w * scale)) this.canvas.width = Math.round(w * scale);
    if (this.canvas.height !== Math.round(h * scale)) this.canvas.height = Math.round(h * scale);
    const g = this.canvas.getContext("2d");
    g.setTransform(scale, 0, 0, scale, 0, 0);
    g.clearRect(0, 0, w, h);
    g.fillStyle = getComputedStyle(this.canvas).color;
    const step = 6;
    const bars = Math.floor(w / step);
    for (let i = 0; i < bars; i++) {
      const level = this.#levels[this.#levels.length - bars + i] ?? 0;
      const height = Math.max(3, level * h);
      g.globalAlpha = level > 0 ? 1 : 0.35;
      g.beginPath();
      g.roundRect(i * step, (h - height) / 2, 3, height, 1.5);
      g.fill();
    }
  }
}
