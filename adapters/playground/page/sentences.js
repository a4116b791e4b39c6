// Choosing a sentence to read.

import { el, find, icon, remembered } from "./dom.js";

export class Sentences {
  #all = [];
  #last = null;
  #dialog = find("sentences");

  /** chosen is called with {text, level, aim}. */
  constructor(chosen) {
    this.chosen = chosen;
    find("choose").addEventListener("click", () => this.#open());
    find("another").addEventListener("click", () => this.another());
    for (const id of ["level", "aim"]) {
      find(id).addEventListener("change", (event) => {
        remembered.set(id, event.target.value);
        this.#list();
      });
    }
  }

  async load() {
    const response = await fetch("/sentences.json");
    if (!response.ok) throw new Error("no sentences");
    this.#all = await response.json();
    for (const key of ["level", "aim"]) {
      const select = find(key);
      for (const value of new Set(this.#all.map((s) => s[key]))) select.append(el("option", { value }, value));
      const before = remembered.get(key);
      if ([...select.options].some((o) => o.value === before)) select.value = before;
    }
  }

  #matching() {
    const level = find("level").value;
    const aim = find("aim").value;
    return this.#all.filter((s) => (!level || s.level === level) && (!aim || s.aim === aim));
  }

  /** first picks a sentence for the start, an easy one for a newcomer. */
  first() {
    const easy = this.#all.filter((s) => s.level === this.#all[0].level);
    const from = remembered.get("level") || remembered.get("aim") ? this.#matching() : easy;
    this.#pick(from.length > 0 ? from : easy);
  }

  /** another picks a sentence at random, of the level and aim that were chosen,
   *  and not the same again. */
  another() {
    const all = this.#matching().length > 0 ? this.#matching() : this.#all;
    const others = all.filter((s) => s.text !== this.#last);
    this.#pick(others.length > 0 ? others : all);
  }

  #pick(from) {
    if (from.length > 0) this.#choose(from[Math.floor(Math.random() * from.length)]);
  }

  #choose(sentence) {
    this.#last = sentence.text;
    this.chosen(sentence);
  }

  #open() {
    this.#list();
    this.#dialog.showModal();
  }

  #list() {
    const found = this.#matching();
    const choice = (s) =>
      el("li", {}, el("button", {
        type: "button", className: "choice", data: { testid: "choice" },
        onclick: () => {
          this.#dialog.close();
          this.#choose(s);
        },
      }, el("span", {}, s.text), el("span", { className: "tag" }, `${s.level} · ${s.aim}`)));
    find("choices").replaceChildren(...(found.length > 0 ? found.map(choice) : [el("li", { className: "none" }, icon("hint"), " No sentence has both. Choose another level or sound.")]));
  }
}
