// Where the page is: "#/view?key=value", so that every view can be linked to.

export function here() {
  const [path, query = ""] = location.hash.replace(/^#\//, "").split("?");
  return { view: path || "map", query: Object.fromEntries(new URLSearchParams(query)) };
}

/** The address of a view; empty values are left out. */
export function addressOf(view, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined && value !== false);
  const text = new URLSearchParams(given).toString();
  return `#/${view}${text ? `?${text}` : ""}`;
}

export function go(view, query = {}) {
  location.hash = addressOf(view, query);
}

/** Changes some values of the address in place, without another entry in the history. */
export function amend(changes) {
  const { view, query } = here();
  history.replaceState(null, "", addressOf(view, { ...query, ...changes }));
}
