// The page: begins a session, shows the view of the address, and keeps it up to date.

import { beginSession } from "./asking.js";
import { ChangesView } from "./changes.js";
import { $, el, notice } from "./dom.js";
import { DoctorView } from "./doctor.js";
import { Live } from "./live.js";
import { MapView } from "./map.js";
import { Panel } from "./panel.js";
import { NamesView } from "./names.js";
import { here } from "./route.js";
import { RulesView } from "./rules.js";
import { TraceView } from "./trace.js";
import { language, loadWords, w } from "./words.js";

const VIEWS = { map: MapView, trace: TraceView, changes: ChangesView, dns: NamesView, rules: RulesView, doctor: DoctorView };

class App {
  live = new Live();
  panel = new Panel(() => this.view?.picture?.mark(""));
  view = null;

  async start() {
    this.#settings();
    for (const link of document.querySelectorAll("nav a")) link.hidden = !VIEWS[link.dataset.view];
    await loadWords();
    try {
      await beginSession();
    } catch {
      return this.#locked();
    }
    for (const name of ["status", "choices", "picture", "doctor", "changes"]) {
      this.live.addEventListener(name, (event) => this.#hear(name, event.detail));
    }
    this.live.addEventListener("broken", () => this.#status("trouble", w("reconnecting")));
    this.live.addEventListener("locked", () => this.#locked());
    addEventListener("hashchange", () => this.showView());
    this.showView();
  }

  /** Shows the view of the address, from its beginning. */
  showView() {
    const { view, query } = here();
    const name = VIEWS[view] ? view : "map";
    this.view?.hide();
    const place = $("#view");
    place.replaceChildren();
    this.view = new VIEWS[name](this);
    this.view.show(place, query);
    for (const link of document.querySelectorAll("nav a")) {
      link.toggleAttribute("aria-current", link.dataset.view === name);
      if (link.dataset.view === name) link.setAttribute("aria-current", "page");
    }
    document.title = `${w(name)} · Fairlead`;
    this.follow();
    if (query.sel) this.panel.show(query.sel).then(() => this.view.picture?.mark(query.sel));
  }

  /** Asks for the events that the view wants now. */
  follow() {
    this.live.open({ ...this.view.wanted(), lang: language() });
  }

  choose(subject) {
    this.view.picture?.mark(subject);
    this.panel.show(subject);
  }

  #hear(name, document) {
    if (name === "status") this.#told(document);
    if (name === "doctor") this.#badge(document.findings);
    if (name === "picture" || name === "doctor") this.panel.refresh();
    this.view?.hear(name, document);
  }

  #told({ title, live, trouble, faults, read }) {
    $("#source").textContent = title;
    if (trouble) this.#status("trouble", read ? w("old-picture", { why: trouble }) : trouble);
    else if (!read) this.#status("", w("connecting"));
    else this.#status(live ? "live" : "", w(live ? "live" : "from-files"));
    if (faults.length) notice(faults[0]);
  }

  #status(kind, text) {
    const place = $("#status");
    place.className = kind;
    place.textContent = text;
    place.title = text;
  }

  #badge(findings) {
    const place = $("#findings");
    const errors = findings.filter((each) => each.severity === "error").length;
    place.hidden = findings.length === 0;
    place.textContent = findings.length;
    place.title = w("errors-warnings", { errors, warnings: findings.length - errors });
  }

  #settings() {
    const theme = $("#theme");
    theme.value = localStorage.getItem("theme") ?? "auto";
    const dress = () => (theme.value === "auto" ? delete document.documentElement.dataset.theme : (document.documentElement.dataset.theme = theme.value));
    dress();
    theme.addEventListener("change", () => {
      localStorage.setItem("theme", theme.value);
      dress();
    });
    const languages = $("#language");
    languages.value = language();
    languages.addEventListener("change", async () => {
      localStorage.setItem("language", languages.value);
      await loadWords();
      this.showView();
    });
  }

  #locked() {
    this.#status("trouble", w("no-session"));
    $("#view").replaceChildren(el("div", { class: "gate" }, el("h1", {}, w("no-session")), el("p", { class: "muted" }, w("no-session-text"))));
  }
}

const app = new App();
app.start();
