// The map, with search and filters.

import { calmly, choice, el, field } from "./dom.js";
import { Picture } from "./picture.js";
import { amend, here } from "./route.js";
import { saving } from "./saving.js";
import { w } from "./words.js";

const TYPES = ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName", "headless"];

export class MapView {
  constructor(app) {
    this.app = app;
  }

  show(place, query) {
    const search = el("input", { type: "search", value: query.q ?? "", placeholder: w("search-hint"), oninput: calmly((event) => this.#filter({ q: event.target.value }), 200) });
    const types = [["", w("all-types")], ...TYPES.map((type) => [type, type])];
    const type = choice(types, query.type ?? "", { onchange: (event) => this.#filter({ type: event.target.value }) });
    const troubled = el("input", { type: "checkbox", checked: query.troubled === "1", onchange: (event) => this.#filter({ troubled: event.target.checked ? "1" : "" }) });
    this.picture = new Picture(w("map-title"), (subject) => this.app.choose(subject), (key) => this.#fold(key));
    this.canvas = el("div", { class: "canvas" }, this.picture.svg);
    const traced = query.lit ? el("button", { onclick: () => this.#filter({ lit: "" }, true) }, w("clear-trace")) : null;
    place.append(
      el("h1", {}, w("map-title")), el("p", { class: "lead" }, w("map-lead")),
      el("div", { class: "tools" }, field(w("search"), search, "grow"), field(w("type"), type),
        el("label", { class: "check" }, troubled, w("only-troubled")), traced, saving("map", () => this.wanted())),
      this.canvas, legend());
    document.addEventListener("keydown", (this.onKey = (event) => {
      if (event.key !== "/" || event.target.matches("input, select, textarea")) return;
      event.preventDefault();
      search.focus();
    }));
    this.#watchWidth();
  }

  hide() {
    this.resizing?.disconnect();
    document.removeEventListener("keydown", this.onKey);
  }

  /** What the server is to draw. */
  wanted() {
    const { query } = here();
    const width = Math.floor(this.canvas.clientWidth);
    const { q = "", type = "", troubled = "", turned = "" } = query;
    return { view: "map", width, q, type, troubled, turned };
  }

  hear(name, document) {
    if (name !== "picture") return;
    this.picture.apply(document);
    this.picture.mark(this.app.panel.subject);
    this.picture.light((here().query.lit ?? "").split(",").filter(Boolean));
  }

  #filter(changes, again = false) {
    amend(changes);
    if (again) this.app.showView();
    else this.app.follow();
  }

  #fold(key) {
    const turned = new Set((here().query.turned ?? "").split(",").filter(Boolean));
    if (!turned.delete(key)) turned.add(key);
    this.#filter({ turned: [...turned].join(",") });
  }

  #watchWidth() {
    let known = this.canvas.clientWidth;
    const again = calmly(() => this.app.follow(), 120);
    this.resizing = new ResizeObserver(() => {
      if (Math.abs(this.canvas.clientWidth - known) < 2) return;
      known = this.canvas.clientWidth;
      again();
    });
    this.resizing.observe(this.canvas);
  }
}

const MARKS = {
  ready: "M7 2.5a4.5 4.5 0 1 0 .01 0z", waiting: "M7 3a4 4 0 1 0 .01 0z", failed: "M3 3l8 8m0 -8l-8 8",
};

function legend() {
  const items = Object.entries(MARKS).map(([state, path]) => {
    const svg = new DOMParser().parseFromString(
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 14 14" aria-hidden="true" class="card"><path class="mark ${{ waiting: "hollow", failed: "stroke" }[state] ?? ""}" d="${path}"/></svg>`,
      "image/svg+xml").documentElement;
    return el("li", {}, document.adoptNode(svg), w(state));
  });
  return el("ul", { class: "legend" }, items);
}
