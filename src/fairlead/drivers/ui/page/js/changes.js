// Changes as they spread: a list of what has happened, a time line of each, and a replay.

import { ask } from "./asking.js";
import { el } from "./dom.js";
import { amend, here } from "./route.js";
import { saving } from "./saving.js";
import { language, w } from "./words.js";

const REPLAY = 2400; // milliseconds for one change, however fast it was
const SVG = "http://www.w3.org/2000/svg";

export class ChangesView {
  constructor(app) {
    this.app = app;
    this.list = [];
    this.chosen = "";
  }

  show(place, query) {
    this.chosen = query.id ?? "";
    this.rows = el("ul", { class: "paper changes", "aria-label": w("recorded") });
    this.chart = el("div", { class: "canvas-paper" });
    this.heading = el("h2", {});
    this.playOne = el("button", { class: "main", disabled: true, onclick: () => this.#play(this.chosen) }, w("play"));
    this.playAll = el("button", { disabled: true, onclick: () => (this.playing ? this.#stop() : this.#playAll()) }, w("play-all"));
    this.empty = el("p", { class: "paper muted" }, w("no-changes"));
    this.both = el("div", { class: "two", hidden: true }, this.rows, el("section", {}, this.heading, this.chart));
    place.append(el("h1", {}, w("changes-title")), el("p", { class: "lead" }, w("changes-lead")),
      el("div", { class: "tools" }, this.playOne, this.playAll, saving("changes", () => ({ id: this.chosen }))), this.empty, this.both);
    const { status, changes } = this.app.live.last;
    if (status && !status.live) this.empty.textContent = w("changes-files");
    if (changes) this.#fill(changes);
  }

  hide() {
    this.#stop();
  }

  wanted() {
    return { view: "changes" };
  }

  hear(name, document) {
    if (name === "changes") this.#fill(document);
  }

  #fill(changes) {
    const before = this.list.find((each) => each.id === this.chosen);
    this.list = changes;
    this.empty.hidden = changes.length > 0;
    this.both.hidden = changes.length === 0;
    for (const button of [this.playOne, this.playAll]) button.disabled = changes.length === 0;
    if (!changes.some((each) => each.id === this.chosen)) this.chosen = changes[0]?.id ?? "";
    this.#list();
    const now = changes.find((each) => each.id === this.chosen);
    if (now && !this.playing && JSON.stringify(now) !== JSON.stringify(before)) this.#draw();
  }

  #list() {
    const focused = this.rows.querySelector("button:focus")?.dataset.id;
    this.rows.replaceChildren(...this.list.map((each) => el("li", {},
      el("button", { "data-id": each.id, "aria-current": each.id === this.chosen ? "true" : null, onclick: () => this.#choose(each.id) },
        el("b", {}, each.subject), el("span", { class: "took" }, milliseconds(each.milliseconds)),
        el("span", { class: "what" }, each.causes.join(", ")), el("time", {}, new Date(each.at * 1000).toLocaleTimeString())))));
    if (focused) [...this.rows.querySelectorAll("button")].find((each) => each.dataset.id === focused)?.focus();
  }

  #choose(id) {
    this.#stop();
    this.chosen = id;
    amend({ id });
    this.#list();
    this.#draw();
  }

  async #draw() {
    const id = this.chosen;
    const width = Math.floor(this.chart.clientWidth) || 600;
    try {
      const { svg } = await ask("timeline", { id, width });
      if (id !== this.chosen) return;
      const parsed = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
      this.chart.replaceChildren(document.adoptNode(parsed));
      const change = this.list.find((each) => each.id === id);
      this.heading.textContent = change ? `${change.subject}: ${change.causes.join(", ")}` : "";
    } catch (error) {
      if (id === this.chosen) this.chart.replaceChildren(el("p", { class: "muted" }, error.message));
    }
  }

  async #playAll() {
    this.playing = true;
    this.playAll.textContent = w("stop");
    for (const { id } of [...this.list].reverse()) {
      if (!this.playing || here().view !== "changes") break;
      this.chosen = id;
      this.#list();
      await this.#draw();
      await this.#play(id);
    }
    this.#stop();
  }

  #stop() {
    this.playing = false;
    if (this.playAll) this.playAll.textContent = w("play-all");
    cancelAnimationFrame(this.frame);
    this.chart?.querySelector(".now")?.remove();
    this.chart?.querySelectorAll(".later").forEach((row) => row.classList.remove("later"));
  }

  /** Runs a line through the chart; a row lights up when its part has acted. */
  #play(id) {
    const svg = this.chart.querySelector("svg");
    if (!svg || id !== this.chosen) return Promise.resolve();
    const [left, right, whole] = ["left", "right", "whole"].map((name) => Number(svg.dataset[name]));
    const now = svg.appendChild(document.createElementNS(SVG, "path"));
    now.setAttribute("class", "now");
    const rows = [...svg.querySelectorAll(".row")];
    const start = performance.now();
    return new Promise((done) => {
      const step = (time) => {
        const share = Math.min((time - start) / REPLAY, 1);
        const x = left + (right - left) * share;
        now.setAttribute("d", `M${x} 20V${svg.getAttribute("height") - 10}`);
        for (const row of rows) row.classList.toggle("later", Number(row.dataset.to) > whole * share);
        if (share < 1 && now.isConnected) this.frame = requestAnimationFrame(step);
        else {
          now.remove();
          done();
        }
      };
      this.frame = requestAnimationFrame(step);
    });
  }
}

const milliseconds = (number) => (number >= 10000 ? `${(number / 1000).toFixed(1)} s` : `${number < 100 ? number.toFixed(1) : Math.round(number)} ms`);
