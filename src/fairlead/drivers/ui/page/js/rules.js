// The rules of a node, each with its reason; those of one Service are lit.

import { ask, Newest } from "./asking.js";
import { choice, el, field, showFailure } from "./dom.js";
import { amend } from "./route.js";
import { saving } from "./saving.js";
import { w } from "./words.js";

const MOST = 3000; // lines on the page at once; more nobody reads, and search narrows them

export class RulesView {
  constructor(app) {
    this.app = app;
  }

  show(place, query) {
    this.query = query;
    this.lines = null; // until they are there
    this.newest = new Newest();
    this.node = choice([["", "…"]], "", { onchange: () => this.#load() });
    this.backend = choice([["nft", "nft"], ["iptables", "iptables"]], query.backend ?? "nft", { onchange: () => this.#load() });
    this.service = choice([["", w("no-service")]], "", { onchange: () => this.#light() });
    this.alone = el("input", { type: "checkbox", checked: query.alone === "1", onchange: () => this.#light() });
    this.list = el("div", { class: "rules" }, el("p", { class: "muted" }, w("loading")));
    place.append(el("h1", {}, w("rules-title")), el("p", { class: "lead" }, w("rules-lead")),
      el("div", { class: "tools" }, field(w("node"), this.node), field(w("backend"), this.backend), field(w("light-service"), this.service, "grow"),
        el("label", { class: "check" }, this.alone, w("only-these")), saving("rules", () => ({ node: this.node.value, backend: this.backend.value, service: this.service.value }), ["html"])),
      this.list);
    this.#offer();
  }

  hide() {}

  wanted() {
    return { view: "rules" };
  }

  hear(name) {
    if (name === "choices") this.#offer();
  }

  #offer() {
    const choices = this.app.live.last.choices;
    if (!choices) return;
    const keep = (select, pairs, wanted) => {
      const value = select.dataset.filled ? select.value : wanted;
      select.replaceChildren(...choice(pairs, "").children);
      select.value = pairs.some(([key]) => key === value) ? value : pairs[0]?.[0] ?? "";
      select.dataset.filled = "1";
    };
    keep(this.node, choices.nodes.length ? choices.nodes.map((each) => [each, each]) : [["", "—"]], this.query.node ?? "");
    keep(this.service, [["", w("no-service")], ...choices.services.map((each) => [each, each])], this.query.service ?? "");
    this.#load();
  }

  #load() {
    this.newest.of(ask("rules", { node: this.node.value, backend: this.backend.value }),
      ({ lines }) => {
        this.lines = lines;
        this.#light();
      },
      (error) => showFailure(this.list, error));
  }

  #light() {
    const service = this.service.value;
    amend({ node: this.node.value, backend: this.backend.value, service, alone: this.alone.checked && service ? "1" : "" });
    if (!this.lines) return;
    const shown = this.lines.filter((line) => !this.alone.checked || !service || line.service === service);
    const groups = Map.groupBy(shown.slice(0, MOST), (line) => `${line.table} · ${line.chain}`);
    const made = [...groups].map(([title, lines]) =>
      el("section", { class: "paper chain" }, el("h2", {}, title), el("ul", {}, lines.map((line) => row(line, service)))));
    const count = el("p", { class: "muted", role: "status" }, w("n-lines", { n: shown.length, lit: service ? shown.filter((line) => line.service === service).length : 0 }));
    this.list.replaceChildren(count, ...made);
    if (service && !this.alone.checked) this.list.querySelector(".lit")?.scrollIntoView({ block: "center" });
  }
}

function row({ text, reason, service }, lit) {
  return el("li", { class: lit && service === lit ? "lit" : lit ? "dim" : null }, el("code", {}, text),
    reason || service ? el("span", { class: "reason" }, [service, reason].filter(Boolean).join(" · ")) : null);
}
