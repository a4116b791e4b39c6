// Recording with the microphone.

/** Types in the order of preference; browsers differ in what they record. */
const TYPES = ["audio/webm;codecs=opus", "audio/ogg;codecs=opus", "audio/mp4", "audio/webm"];

/** A recording goes on for this long after the learner stops it: people press
 *  the button on the last sound. */
const TAIL_MS = 250;

/** NoMicrophone says why there is nothing to record with; its message is for
 *  the learner. */
export class NoMicrophone extends Error {
  constructor(reason, message) {
    super(message);
    this.reason = reason; // "insecure", "unsupported", "denied", "missing", "busy"
  }
}

function explain(err) {
  switch (err.name) {
    case "NotAllowedError":
    case "SecurityError":
      return new NoMicrophone("denied", "This page may not use the microphone yet. Allow it in the address bar, then press record again. You can also drop in a recording.");
    case "NotFoundError":
    case "OverconstrainedError":
      return new NoMicrophone("missing", "No microphone was found. Plug one in and press record again, or drop in a recording made elsewhere.");
    default:
      return new NoMicrophone("busy", "The microphone can't be used just now. Another program may be holding it: close that and press record again.");
  }
}

export class Recorder {
  #recorder;
  #stream;
  #context;
  #analyser;
  #samples;
  #began = 0;
  #chunks = [];
  #finished;

  /** start asks for the microphone and resolves to a Recorder at work. It
   *  rejects with NoMicrophone. */
  static async start() {
    if (!navigator.mediaDevices?.getUserMedia) {
      throw isSecureContext
        ? new NoMicrophone("unsupported", "This browser can't record. Drop in a recording made elsewhere instead.")
        : new NoMicrophone("insecure", "Browsers lend the microphone only to secure pages. Open this page as localhost, or by https. You can also drop in a recording.");
    }
    if (typeof MediaRecorder === "undefined") {
      throw new NoMicrophone("unsupported", "This browser can't record. Drop in a recording made elsewhere instead.");
    }
    const r = new Recorder();
    try {
      // Noise suppression takes the hiss of s and f for noise, so it's off.
      r.#stream = await navigator.mediaDevices.getUserMedia({
        audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: true },
      });
    } catch (err) {
      throw explain(err);
    }
    try {
      await r.#begin();
    } catch (err) {
      r.#close();
      throw explain(err);
    }
    return r;
  }

  async #begin() {
    this.#context = new AudioContext();
    await this.#context.resume();
    this.#analyser = this.#context.createAnalyser();
    this.#analyser.fftSize = 2048;
    this.#samples = new Float32Array(this.#analyser.fftSize);
    this.#context.createMediaStreamSource(this.#stream).connect(this.#analyser);

    const mimeType = TYPES.find((t) => MediaRecorder.isTypeSupported(t));
    this.#recorder = new MediaRecorder(this.#stream, { mimeType, audioBitsPerSecond: 64000 });
    this.#recorder.ondataavailable = (event) => event.data.size > 0 && this.#chunks.push(event.data);
    this.#finished = new Promise((resolve) => {
      this.#recorder.onstop = resolve;
    });
    await new Promise((resolve, reject) => {
      this.#recorder.onstart = resolve;
      this.#recorder.onerror = (event) => reject(event.error ?? new Error("recorder"));
      this.#recorder.start(1000); // in pieces: what was said survives an error
    });
    this.#began = performance.now();
  }

  seconds() {
    return (performance.now() - this.#began) / 1000;
  }

  /** level returns the loudness of the last moment, 0 (silence, -60 dB) to 1. */
  level() {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let sum = 0;
    for (const x of this.#samples) sum += x * x;
    const db = 10 * Math.log10(sum / this.#samples.length + 1e-12);
    return Math.min(1, Math.max(0, (db + 60) / 55));
  }

  /** stop ends the recording and resolves to {blob, name, seconds}. */
  async stop() {
    await new Promise((resolve) => setTimeout(resolve, TAIL_MS));
    const seconds = this.seconds();
    if (this.#recorder.state !== "inactive") this.#recorder.stop(); // a pulled-out microphone has stopped it
    await this.#finished;
    this.#close();
    const type = this.#recorder.mimeType;
    const ending = type.includes("mp4") ? "m4a" : type.includes("ogg") ? "ogg" : "webm";
    return { blob: new Blob(this.#chunks, { type }), name: `recording.${ending}`, seconds };
  }

  /** cancel drops the recording. */
  cancel() {
    if (this.#recorder.state !== "inactive") this.#recorder.stop();
    this.#close();
  }

  #close() {
    for (const track of this.#stream.getTracks()) track.stop();
    this.#context?.close();
  }
}
