// Questions to the server, in the language of the page, and the session that begins with the token of the address.

import { language } from "./words.js";

export class Refused extends Error {}

export async function ask(path, query = {}) {
  const given = Object.entries({ lang: language(), ...query }).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return read(await fetch(`/api/${path}?${new URLSearchParams(given)}`));
}

export async function tell(path, body) {
  return read(await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }));
}

/** Of the questions of one view only the newest counts: the answer to an earlier one may come later. */
export class Newest {
  #count = 0;

  /** Calls one of two functions with the answer or the error, if no other question has been asked since. */
  async of(question, use, fail) {
    const number = ++this.#count;
    const isNewest = () => number === this.#count;
    try {
      const answer = await question;
      if (isNewest()) use(answer);
    } catch (error) {
      if (isNewest()) fail(error);
    }
  }
}

async function read(answer) {
  const document = await answer.json();
  if (!answer.ok) throw new Refused(document.error);
  return document;
}

/** Begins a session by the token in the fragment, which then leaves the address bar. */
export async function beginSession() {
  const found = /^#token=([\w-]+)$/.exec(location.hash);
  if (!found) return;
  history.replaceState(null, "", "/#/map");
  await tell("/session", { token: found[1] });
}
