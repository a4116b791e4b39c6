// The server's API, and the patience that it needs: it may restart, be busy or
// out of reach for a while.

/** Refused is an answer that repeating the request won't change. */
export class Refused extends Error {
  constructor(status, reason, message) {
    super(reason);
    this.status = status;
    this.reason = reason;
    this.advice = message; // for the learner, "" where the server has none
  }
}

/** Later is a failure that a later try may mend. */
export class Later extends Error {
  constructor(why, seconds) {
    super(why); // "offline", "busy" or "unavailable"
    this.seconds = seconds; // what the server asked for, or null
  }
}

async function call(method, path, body) {
  let response;
  try {
    response = await fetch(path, { method, body, credentials: "same-origin", cache: "no-store" });
  } catch {
    throw new Later("offline", null);
  }
  if (response.status === 204) return null;
  let answer = null;
  try {
    answer = await response.json();
  } catch {
    // A proxy's page, or a server that died in the middle.
    if (response.ok) throw new Later("unavailable", null);
  }
  if (response.ok) return answer;
  if (response.status === 429 || response.status >= 500) {
    const seconds = Number(response.headers.get("Retry-After")) || null;
    throw new Later(response.status === 429 ? "busy" : "unavailable", seconds);
  }
  throw new Refused(response.status, answer?.reason ?? "malformed", answer?.message ?? "");
}

export const settings = () => call("GET", "/api/settings");
export const thread = async () => (await call("GET", "/api/thread")).notes;
export const note = (id) => call("GET", `/api/notes/${encodeURIComponent(id)}`);
export const forget = () => call("DELETE", "/api/thread");

/** send posts a kept note; sending it again is harmless. */
export async function send(kept) {
  const form = new FormData(); // in the order that the server reads
  form.append("id", kept.uuid);
  form.append("text", kept.text);
  form.append("audio", kept.blob, kept.name);
  return (await call("POST", "/api/notes", form)).note;
}

/** patience waits between tries: 0.5 s and doubling to 15 s, a little random so
 *  that many pages don't return at once; less when the network comes back. */
export class Patience {
  #tries = 0;
  #wake = null;

  constructor() {
    addEventListener("online", () => this.wake());
    document.addEventListener("visibilitychange", () => document.hidden || this.wake());
  }

  reset() {
    this.#tries = 0;
  }

  wake() {
    this.#wake?.();
  }

  async wait(asked = null) {
    const own = Math.min(15, 0.5 * 2 ** this.#tries++) * (0.75 + Math.random() / 2);
    const seconds = Math.max(own, asked ?? 0);
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, seconds * 1000);
      this.#wake = () => {
        // What the server asked for is waited for all the same.
        if (asked) return;
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = null;
  }
}

/**
 * Follower waits for the replies to notes by server-sent events, and calls
 * arrived with each, and lost with the ID of a note that is not there.
 */
export class Follower {
  #waiting = new Set();
  #source = null;
  #again = null;

  constructor(arrived, lost) {
    this.arrived = arrived;
    this.lost = lost;
  }

  follow(id) {
    if (this.#waiting.has(id)) return;
    this.#waiting.add(id);
    this.#reopen();
  }

  stop() {
    this.#waiting.clear();
    this.#reopen();
  }

  #reopen() {
    clearTimeout(this.#again);
    this.#source?.close();
    this.#source = null;
    if (this.#waiting.size === 0) return;
    const query = [...this.#waiting].slice(0, 64).map((id) => `note=${encodeURIComponent(id)}`).join("&");
    const source = new EventSource(`/api/events?${query}`);
    this.#source = source;
    source.addEventListener("reply", (event) => this.#arrive(JSON.parse(event.data)));
    source.addEventListener("end", () => this.#reopen());
    source.onerror = () => {
      // While CONNECTING the browser tries again by itself; it gives up on an
      // answer that is no stream.
      if (source.readyState === EventSource.CLOSED) this.#again = setTimeout(() => this.#check(), 2000);
    };
  }

  #arrive(item) {
    if (this.#waiting.delete(item.id)) this.arrived(item);
  }

  /** #check asks for the notes one by one: one that is gone would keep the
   *  stream of all the others from opening. */
  async #check() {
    for (const id of [...this.#waiting]) {
      try {
        const item = await note(id);
        if (item.state === "done") this.#arrive(item);
      } catch (err) {
        if (!(err instanceof Refused)) break;
        this.#waiting.delete(id);
        this.lost(id);
      }
    }
    this.#reopen();
  }
}
