// What this browser keeps: the learner's own recordings. One that the server
// has not accepted yet survives a reload here, and a crash; one that it has is
// kept for listening only. Where the browser forbids storage (some private
// windows), they are kept for this visit.

const NAME = "mynah";
const STORE = "notes";

/** @typedef {{uuid: string, text: string, blob: Blob, name: string, created: number, seconds: number|null, note: string|null}} Kept
 *  note is the server's ID once it has accepted the note, null before. */

export class Keep {
  #db;
  #memory = new Map();

  /** open never fails: without storage it keeps in memory. */
  static async open() {
    const keep = new Keep();
    keep.#db = await new Promise((resolve) => {
      let request;
      try {
        request = indexedDB.open(NAME, 1);
      } catch {
        resolve(null);
        return;
      }
      request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "uuid" });
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => resolve(null);
    });
    for (const kept of (await keep.#run("readonly", (s) => s.getAll())) ?? []) keep.#memory.set(kept.uuid, kept);
    return keep;
  }

  /** get returns a note from memory, undefined where there is none. */
  get(uuid) {
    return this.#memory.get(uuid);
  }

  /** all returns every note, oldest first. */
  all() {
    return [...this.#memory.values()].sort((a, b) => a.created - b.created);
  }

  async put(kept) {
    this.#memory.set(kept.uuid, kept);
    await this.#run("readwrite", (s) => s.put(kept));
  }

  async delete(uuid) {
    this.#memory.delete(uuid);
    await this.#run("readwrite", (s) => s.delete(uuid));
  }

  async clear() {
    this.#memory.clear();
    await this.#run("readwrite", (s) => s.clear());
  }

  /** #run resolves to the request's result, null where storage fails. */
  #run(mode, act) {
    if (!this.#db) return Promise.resolve(null);
    return new Promise((resolve) => {
      try {
        const tx = this.#db.transaction(STORE, mode, { durability: "strict" });
        const request = act(tx.objectStore(STORE));
        tx.oncomplete = () => resolve(request.result);
        tx.onabort = tx.onerror = () => resolve(null);
      } catch {
        resolve(null);
      }
    });
  }
}
