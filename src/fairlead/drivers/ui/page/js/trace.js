// A packet on its way: the look-ups, the rules hook by hook, and whom it may reach, with the rule text beside.

import { ask, Newest, tell } from "./asking.js";
import { choice, el, field, showFailure } from "./dom.js";
import { Picture } from "./picture.js";
import { addressOf, amend } from "./route.js";
import { saving } from "./saving.js";
import { counts, tree } from "./tree.js";
import { language, w } from "./words.js";

export class TraceView {
  constructor(app) {
    this.app = app;
  }

  show(place, query) {
    this.from = el("input", { list: "starts", value: query.from ?? "", placeholder: "pod/client", required: true, autocomplete: "off" });
    this.to = el("input", { list: "goals", value: query.to ?? "", placeholder: "web", required: true, autocomplete: "off" });
    this.protocol = choice(["tcp", "udp", "sctp"].map((each) => [each, each.toUpperCase()]), query.protocol ?? "tcp");
    this.backend = choice([["nft", "nft"], ["iptables", "iptables"]], query.backend ?? "nft");
    this.seen = el("input", { type: "checkbox", checked: query.seen === "1" });
    this.seenLabel = el("label", { class: "check", hidden: true }, this.seen, w("seen-rules"));
    this.send = el("button", { type: "button", hidden: true, onclick: () => this.#go(true) }, w("send"));
    const form = el("form", { class: "tools", onsubmit: (event) => { event.preventDefault(); this.#go(false); } },
      field(w("from"), this.from, "grow"), field(w("to"), this.to, "grow"), field(w("protocol"), this.protocol), field(w("backend"), this.backend), this.seenLabel,
      el("button", { class: "main" }, w("trace-go")), this.send);
    this.starts = el("datalist", { id: "starts" });
    this.goals = el("datalist", { id: "goals" });
    this.result = el("div", {});
    this.newest = new Newest();
    place.append(el("h1", {}, w("trace-title")), el("p", { class: "lead" }, w("trace-lead")), form, this.starts, this.goals, this.result);
    this.#offer();
    if (this.from.value && this.to.value) this.#go(false);
  }

  hide() {}

  wanted() {
    return { view: "trace" };
  }

  hear(name) {
    if (name === "choices" || name === "status") this.#offer();
  }

  #offer() {
    const { choices, status } = this.app.live.last;
    for (const each of [this.seenLabel, this.send]) each.hidden = !status?.lab;
    if (!choices) return;
    const starts = [...choices.pods.map((pod) => `pod/${pod}`), ...choices.nodes.map((node) => `node/${node}`), "outside"];
    const goals = choices.services.map((key) => key.split("/").reverse().join("."));
    this.starts.replaceChildren(...starts.map((value) => el("option", { value })));
    this.goals.replaceChildren(...goals.map((value) => el("option", { value })));
  }

  #query() {
    return {
      from: this.from.value.trim(), to: this.to.value.trim(), protocol: this.protocol.value, backend: this.backend.value,
      seen: this.seen.checked && !this.seenLabel.hidden ? "1" : "", lang: language(), width: Math.floor(this.result.clientWidth),
    };
  }

  async #go(forReal) {
    const query = this.#query();
    const { lang, width, ...kept } = query;
    amend(kept);
    this.result.replaceChildren(el("p", { class: "muted", role: "status" }, w(forReal ? "sending" : "loading")));
    this.send.disabled = true;
    await this.newest.of(forReal ? tell("/api/send", { lang: language(), ...query }) : ask("trace", query),
      (answer) => this.#fill(answer, query),
      (error) => showFailure(this.result, error));
    this.send.disabled = false;
  }

  #fill({ explanation, picture, touched }, query) {
    const drawn = new Picture(w("trace-title"), (subject) => this.#choose(subject));
    drawn.apply(picture);
    const { lang, width, ...kept } = query;
    this.steps = tree(explanation.statement, 3);
    this.result.replaceChildren(
      el("section", { class: "canvas-paper" }, drawn.svg),
      el("div", { class: "tools" },
        el("a", { class: "button", href: addressOf("map", { lit: touched.join(",") }) }, w("on-map")),
        saving("trace", () => this.#query())),
      el("section", { class: "paper" }, el("h2", {}, explanation.statement.text), counts(explanation.counts), this.steps));
    this.#animate(drawn.svg);
  }

  /** A hook leads to its rules beside; anything else to its explanation. */
  #choose(subject) {
    if (!subject.startsWith("hook/")) return this.app.choose(subject);
    const [hook, table] = subject.slice(5).split(", table ");
    const isMeant = subject === "hook/question"
      ? ({ dataset }) => dataset.template?.startsWith("asks for {host}")
      : ({ dataset, textContent }) => dataset.template === "{hook}, table {table}" && textContent.startsWith(hook) && textContent.endsWith(table);
    const found = [...this.steps.querySelectorAll("summary")].filter(isMeant);
    for (const summary of found) {
      for (let each = summary.parentElement; each; each = each.parentElement.closest("details")) each.open = true;
      summary.classList.add("found");
    }
    found[0]?.focus();
    found[0]?.scrollIntoView({ block: "center" });
  }

  /** A packet runs along each line once, in the order of the way. */
  #animate(svg) {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    svg.querySelectorAll(".link > path").forEach((path, number) => {
      const length = path.getTotalLength();
      path.animate([{ strokeDasharray: `${length}`, strokeDashoffset: length }, { strokeDasharray: `${length}`, strokeDashoffset: 0 }],
        { duration: 320, delay: 120 * number, fill: "backwards", easing: "ease-out" });
    });
  }
}
