// The DNS box: a name, from a Pod; each question of the search, what came back, and why.

import { ask, Newest } from "./asking.js";
import { choice, el, field, showFailure } from "./dom.js";
import { amend } from "./route.js";
import { tree } from "./tree.js";
import { w } from "./words.js";

const TYPES = ["A", "AAAA", "SRV", "PTR"];

export class NamesView {
  constructor(app) {
    this.app = app;
  }

  show(place, query) {
    this.name = el("input", { value: query.name ?? "", placeholder: "web", required: true, autocomplete: "off", spellcheck: "false", autocapitalize: "none" });
    this.pod = choice([["", w("no-pod")]], "");
    this.wantedPod = query.pod;
    this.newest = new Newest();
    this.type = choice(TYPES.map((each) => [each, each]), query.type ?? "A");
    this.result = el("div", {});
    place.append(el("h1", {}, w("dns-title")), el("p", { class: "lead" }, w("dns-lead")),
      el("form", { class: "tools", onsubmit: (event) => { event.preventDefault(); this.#go(); } },
        field(w("name"), this.name, "grow"), field(w("asked-by"), this.pod, "grow"), field(w("type"), this.type), el("button", { class: "main" }, w("ask"))),
      this.result);
    this.#offer();
    if (this.name.value) this.#go(query.pod);
  }

  hide() {}

  wanted() {
    return { view: "dns" };
  }

  hear(name) {
    if (name === "choices") this.#offer();
  }

  #offer() {
    const chosen = this.pod.value || this.wantedPod;
    const pods = this.app.live.last.choices?.pods ?? [];
    const first = pods.find((pod) => !pod.startsWith("kube-system/")) ?? "";
    this.pod.replaceChildren(...choice([["", w("no-pod")], ...pods.map((pod) => [pod, pod])], "").children);
    this.pod.value = chosen ?? first;
  }

  #go(pod = this.pod.value) {
    const query = { name: this.name.value.trim(), pod, type: this.type.value };
    amend(query);
    this.newest.of(ask("names", query),
      (answer) => this.#fill(answer),
      (error) => showFailure(this.result, error));
  }

  #fill({ steps, explanation }) {
    const rows = steps.map((step, number) => this.#step(step, number));
    this.result.replaceChildren(el("ol", { class: "steps" }, rows),
      el("section", { class: "paper" }, el("h2", {}, explanation.statement.text), tree(explanation.statement, 2)));
  }

  #step({ name, result, records, why, ends, is_asked: isAsked }, number) {
    const kind = !isAsked ? "skipped" : result === "NOERROR" ? "answered" : ends ? "failed" : "passed";
    return el("li", { class: `paper ${kind}` },
      el("div", { class: "row" }, el("span", { class: "number", "aria-hidden": "true" }, number + 1), el("code", { class: "asked" }, name),
        el("span", { class: "result" }, isAsked ? result : w("not-asked"))),
      records.length ? el("pre", {}, records.join("\n")) : null,
      isAsked ? el("p", { class: "muted" }, why) : null);
  }
}
