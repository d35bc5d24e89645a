// What is seen as a file that stands alone; the server puts it together.

import { el } from "./dom.js";
import { language, w } from "./words.js";

/** Buttons that save a view, as it is wanted when they are pressed. */
export function saving(view, wanted, formats = ["svg", "html"]) {
  const save = (format) => {
    const query = new URLSearchParams({ ...wanted(), view, format, lang: language() });
    const path = view === "changes" ? "export/changes" : "export";
    el("a", { href: `/api/${path}?${query}`, download: `fairlead-${view}.${format}` }).click();
  };
  const buttons = formats.map((format) => {
    const name = format.toUpperCase();
    return el("button", { onclick: () => save(format), "aria-label": `${w("save-as")} ${name}`, "data-format": format }, name);
  });
  return el("div", { class: "save" }, w("save-as"), buttons);
}
