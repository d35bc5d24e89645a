// Elements from values. Text of a cluster is only ever set as text, never as markup.

/** An element; attributes whose value is null or false are left out, functions become listeners. */
export function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") made.addEventListener(key.replace(/^on/, ""), value);
    else if (key === "value" || key === "checked" || key === "selected") made[key] = value;
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

export const $ = (selector, root = document) => root.querySelector(selector);

/** A labelled form field. */
export const field = (label, control, classes = "") => el("label", { class: classes || null }, label, control);

/** A select of [value, text] pairs. */
export function choice(pairs, value, attributes = {}) {
  const options = pairs.map(([key, text]) => el("option", { value: key, selected: key === value }, text));
  return el("select", attributes, options);
}

/** Calls the function once, when nothing has asked for it for a while. */
export function calmly(act, milliseconds) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...values), milliseconds);
  };
}

/** An error where an answer would have been. */
export const showFailure = (place, error) => place.replaceChildren(el("p", { class: "paper failed-text", role: "alert" }, error.message));

export function notice(text) {
  const place = $("#notice");
  place.textContent = text;
  place.hidden = false;
  clearTimeout(notice.timer);
  notice.timer = setTimeout(() => (place.hidden = true), 6000);
}
