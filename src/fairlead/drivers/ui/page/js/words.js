// The page's own words, in the language that is chosen. Sentences of explain come from the server in it.

let table = {};
let fallback = {};

export function language() {
  const chosen = localStorage.getItem("language");
  return chosen ?? (navigator.language.startsWith("zh") ? "zh" : "en");
}

export async function loadWords() {
  fallback = await read("en");
  table = language() === "en" ? fallback : await read(language());
  document.documentElement.lang = language() === "zh" ? "zh-CN" : "en";
  translate(document);
}

const read = async (name) => (await fetch(`/words/${name}.json`)).json();

/** The words of a key, with values in the place of {names}. */
export function w(key, values = {}) {
  const text = table[key] ?? fallback[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

export function translate(root) {
  for (const element of root.querySelectorAll("[data-w]")) element.textContent = w(element.dataset.w);
  for (const element of root.querySelectorAll("[data-w-label]")) element.setAttribute("aria-label", w(element.dataset.wLabel));
}
