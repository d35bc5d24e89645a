// Statements of explain: what is so, because of what, and what follows; what does not work is open from the start.

import { el } from "./dom.js";
import { w } from "./words.js";

const SIGNS = { failed: ["✗", "failed"], "not checked": ["?", "unchecked"] };

/** The tree below an explanation's own sentence. */
export function tree(statement, open = 1) {
  return el("ul", { class: "tree" }, statement.parts.map((part) => node(part, open)));
}

function node(statement, open) {
  const line = [sign(statement.verdict), el("span", { class: statement.verdict === "failed" ? "failed-text" : null }, statement.text)];
  const below = [...statement.because.map(evidence), statement.parts.length ? el("ul", {}, statement.parts.map((part) => node(part, open - 1))) : null];
  if (!statement.parts.length && !statement.because.length) return el("li", { class: "leaf" }, line);
  return el("li", {}, el("details", { open: open > 0 || hasFailed(statement) }, el("summary", { "data-template": statement.template }, line), below));
}

const hasFailed = (statement) => statement.verdict === "failed" || statement.parts.some(hasFailed);

function sign(verdict) {
  if (!SIGNS[verdict]) return null;
  const [text, kind] = SIGNS[verdict];
  return el("span", { class: `sign ${kind}`, role: "img", "aria-label": kind === "failed" ? w("failed") : w("unknown") }, text);
}

function evidence({ what, where }) {
  return el("span", { class: "evidence" }, what, where ? el("span", {}, ` · ${where}`) : null);
}

/** How many statements were checked, could not be, and failed. */
export function counts({ checked, notChecked, failed }) {
  return el("ul", { class: "counts" },
    el("li", { class: "ready" }, w("checked", { n: checked })),
    notChecked ? el("li", {}, w("not-checked", { n: notChecked })) : null,
    failed ? el("li", { class: "failed" }, w("n-failed", { n: failed })) : null);
}
