// The doctor's findings, as they come and go.

import { tell } from "./asking.js";
import { el, notice } from "./dom.js";
import { saving } from "./saving.js";
import { w } from "./words.js";

export class DoctorView {
  constructor(app) {
    this.app = app;
  }

  show(place) {
    this.list = el("div", {}, el("p", { class: "muted" }, w("loading")));
    place.append(el("h1", {}, w("doctor-title")), el("p", { class: "lead" }, w("doctor-lead")),
      el("div", { class: "tools" }, saving("doctor", () => ({}), ["html"])), this.list);
    if (this.app.live.last.doctor) this.#fill(this.app.live.last.doctor);
  }

  hide() {}

  wanted() {
    return { view: "doctor" };
  }

  hear(name, document) {
    if (name === "doctor") this.#fill(document);
  }

  #fill({ findings, notChecked }) {
    const missing = notChecked.length
      ? el("section", { class: "paper" }, el("h2", {}, w("not-checked-title")), el("ul", {}, notChecked.map((text) => el("li", {}, text))))
      : null;
    const fine = el("p", { class: "paper fine" }, w("nothing-found"));
    this.list.replaceChildren(...(findings.length ? findings.map((each) => this.#finding(each)) : [fine]), ...(missing ? [missing] : []));
  }

  #finding(finding) {
    const { kind, namespace, name } = finding.subject;
    const subject = SUBJECTS[kind] ? [SUBJECTS[kind], namespace, name].filter(Boolean).join("/") : "";
    const who = `${kind} ${[namespace, name].filter(Boolean).join("/")}`;
    return el("article", { class: `paper finding ${finding.severity}` },
      el("div", {}, el("span", { class: "code" }, finding.code),
        subject ? el("button", { class: "quiet", onclick: () => this.app.choose(subject) }, who) : el("span", { class: "who" }, who)),
      el("p", {}, finding.text),
      el("details", {}, el("summary", { class: "muted" }, w("evidence")), finding.evidence.map((each) => el("span", { class: "evidence" }, each.what, each.where ? ` · ${each.where}` : ""))),
      finding.fixes.map((fix) => this.#fix(finding, fix)));
  }

  #fix(finding, fix) {
    const copy = el("button", { onclick: () => navigator.clipboard.writeText(fix).then(() => notice(w("copied")), (error) => notice(error.message)) }, w("copy"));
    const canApply = this.app.live.last.status?.allowsChanges && fix.startsWith("kubectl patch");
    const apply = canApply ? el("button", { onclick: () => this.#apply(finding, fix) }, w("apply")) : null;
    return el("div", { class: "fix" }, el("pre", {}, fix), copy, apply);
  }

  async #apply(finding, fix) {
    if (!confirm(w("apply-sure", { fix }))) return;
    try {
      await tell("/api/fix", { code: finding.code, subject: finding.subject, fix });
      notice(w("applied"));
    } catch (error) {
      notice(error.message);
    }
  }
}

const SUBJECTS = { Service: "svc", Pod: "pod", Node: "node", EndpointSlice: "endpointslice", StatefulSet: "sts", NetworkPolicy: "netpol" };
