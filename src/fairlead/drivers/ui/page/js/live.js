// The stream of events. It is opened again whenever it breaks, so that the page outlives a restart of anything.

const FIRST_WAIT = 500;
const LONGEST_WAIT = 5000;
const SILENCE = 40000; // milliseconds; the server says something every fifteen seconds

export class Live extends EventTarget {
  #source = null;
  #wait = FIRST_WAIT;
  #timer = 0;
  #silence = 0;
  #query = {};
  last = {};

  /** Streams what this query wants from now on. */
  open(query) {
    this.#query = query;
    this.#connect();
  }

  #connect() {
    clearTimeout(this.#timer);
    this.#source?.close();
    const source = (this.#source = new EventSource(`/api/live?${new URLSearchParams(this.#query)}`));
    for (const name of ["status", "choices", "picture", "doctor", "changes", "alive"]) {
      source.addEventListener(name, (event) => this.#hear(name, JSON.parse(event.data)));
    }
    source.onerror = () => this.#broken();
    this.#listen();
  }

  #hear(name, document) {
    this.#wait = FIRST_WAIT;
    this.#listen();
    this.last[name] = document;
    this.dispatchEvent(new CustomEvent(name, { detail: document }));
  }

  #listen() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#broken(), SILENCE);
  }

  async #broken() {
    this.#source?.close();
    clearTimeout(this.#timer);
    this.dispatchEvent(new CustomEvent("broken"));
    const answer = await fetch("/api/session").catch(() => null);
    if (answer?.status === 401) return this.dispatchEvent(new CustomEvent("locked"));
    this.#timer = setTimeout(() => this.#connect(), this.#wait);
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
  }
}
