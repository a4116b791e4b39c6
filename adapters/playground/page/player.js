// Playing the learner's own recordings, whole or one word.

/** A little around a word: its edges are only found to a few hundredths. */
const BEFORE = 0.06;
const AFTER = 0.1;

export class Player {
  #context = null;
  #decoded = new WeakMap(); // Blob -> Promise<AudioBuffer>
  #stop = null;

  /** decode resolves to the recording's samples; it rejects for what this
   *  browser can't decode. */
  decode(blob) {
    this.#context ??= new AudioContext();
    let buffer = this.#decoded.get(blob);
    if (!buffer) {
      buffer = blob.arrayBuffer().then((bytes) => this.#context.decodeAudioData(bytes));
      buffer.catch(() => {}); // whoever asks hears of it
      this.#decoded.set(blob, buffer);
    }
    return buffer;
  }

  /**
   * play plays the recording, or the span {start, end} of it, in place of what
   * is playing, and resolves when it ends or is stopped. at is called with the
   * time in the recording as it passes.
   */
  async play(blob, span = null, at = null) {
    this.stop();
    const buffer = await this.decode(blob);
    this.stop();
    await this.#context.resume();
    const from = span ? Math.max(0, span.start - BEFORE) : 0;
    const to = span ? Math.min(buffer.duration, span.end + AFTER) : buffer.duration;
    const source = this.#context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.#context.destination);
    await new Promise((resolve) => {
      let frame = 0;
      const began = this.#context.currentTime;
      const tick = () => {
        at(from + this.#context.currentTime - began);
        frame = requestAnimationFrame(tick);
      };
      const stop = () => {
        cancelAnimationFrame(frame);
        source.onended = null;
        source.stop();
        if (this.#stop === stop) this.#stop = null;
        resolve();
      };
      this.#stop = stop;
      source.onended = stop;
      source.start(0, from, Math.max(0.05, to - from));
      if (at) tick();
    });
  }

  stop() {
    this.#stop?.();
  }
}

/** localVoice finds an English voice that speaks on this machine; a voice of
 *  the browser's maker would send the text away. */
function localVoice() {
  const voices = globalThis.speechSynthesis?.getVoices() ?? [];
  const local = voices.filter((v) => v.localService && /^en\b/i.test(v.lang));
  return local.find((v) => v.default) ?? local[0] ?? null;
}

/** speech says English text with the machine's own voice, where it has one. */
export const speech = {
  available: () => localVoice() !== null,
  /** whenAvailable calls back once there is a voice; browsers load them late. */
  whenAvailable(callback) {
    if (localVoice()) callback();
    else globalThis.speechSynthesis?.addEventListener("voiceschanged", () => localVoice() && callback());
  },
  say(text) {
    const voice = localVoice();
    if (!voice) return;
    speechSynthesis.cancel();
    const u = new SpeechSynthesisUtterance(text);
    u.voice = voice;
    u.lang = voice.lang;
    u.rate = 0.9;
    speechSynthesis.speak(u);
  },
};
