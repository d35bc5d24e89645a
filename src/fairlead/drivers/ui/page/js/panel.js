// What is chosen: its explanation, at the side. It follows the cluster as long as it is open.

import { ask } from "./asking.js";
import { $, calmly, el } from "./dom.js";
import { amend } from "./route.js";
import { counts, tree } from "./tree.js";
import { w } from "./words.js";

const CALM = 400; // milliseconds without news before an open explanation is asked for again

export class Panel {
  #place = $("#panel");
  #subject = "";
  #shown = "";
  #from = null;
  refresh = calmly(() => this.#load(), CALM);

  /** @param {() => void} closed called when the user closes it */
  constructor(closed) {
    this.closed = closed;
    this.#place.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
  }

  get subject() {
    return this.#subject;
  }

  async show(subject) {
    if (this.#place.hidden) this.#from = document.activeElement;
    this.#subject = subject;
    this.#shown = "";
    amend({ sel: subject });
    this.#place.hidden = false;
    this.#fill(subject, el("p", { class: "muted" }, w("loading")));
    await this.#load();
    $("button", this.#place)?.focus({ preventScroll: true });
  }

  close() {
    if (this.#place.hidden) return;
    this.#subject = "";
    this.#place.hidden = true;
    amend({ sel: "" });
    this.closed();
    this.#from?.isConnected && this.#from.focus({ preventScroll: true });
  }

  async #load() {
    const subject = this.#subject;
    if (!subject) return;
    try {
      const found = await ask("explain", { subject });
      if (subject !== this.#subject || JSON.stringify(found) === this.#shown) return;
      this.#shown = JSON.stringify(found);
      this.#keepingOpen(() => this.#fill(found.statement.text, counts(found.counts), tree(found.statement)));
    } catch (error) {
      if (subject === this.#subject) this.#fill(subject, el("p", { class: "failed-text" }, error.message));
    }
  }

  /** What the reader has opened stays open, and the focus stays, when the same explanation comes with other values. */
  #keepingOpen(fill) {
    const before = [...this.#place.querySelectorAll("details")].map((each) => [each.firstChild.textContent, each.open]);
    const hadFocus = this.#place.contains(document.activeElement);
    fill();
    const states = new Map(before);
    for (const each of this.#place.querySelectorAll("details")) each.open = states.get(each.firstChild.textContent) ?? each.open;
    if (hadFocus) $("button", this.#place)?.focus({ preventScroll: true });
  }

  #fill(title, ...content) {
    const close = el("button", { class: "quiet", "aria-label": w("close"), onclick: () => this.close() }, "✕");
    this.#place.replaceChildren(el("div", { class: "head" }, el("h2", {}, title), close), ...content);
  }
}
