// A picture that the server has drawn, kept up to date part by part; and moving about in it by keyboard.

const SVG = "http://www.w3.org/2000/svg";
const LAYERS = ["band", "link", "card"];
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Picture {
  #parts = new Map();
  #layers = {};

  /** @param {(subject: string) => void} choose called with the subject of what is chosen
   *  @param {(key: string) => void} fold called with the key of a band that is to be folded or opened */
  constructor(label, choose, fold = () => {}) {
    this.svg = document.createElementNS(SVG, "svg");
    this.svg.setAttribute("class", "picture");
    this.svg.setAttribute("role", "group");
    this.svg.setAttribute("aria-label", label);
    for (const name of LAYERS) {
      this.#layers[name] = this.svg.appendChild(document.createElementNS(SVG, "g"));
    }
    const act = (target) => {
      const element = target.closest("[data-subject], [data-fold]");
      if (element?.dataset.fold !== undefined) fold(element.dataset.fold);
      else if (element) choose(element.dataset.subject);
    };
    this.svg.addEventListener("click", (event) => act(event.target));
    this.svg.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") act(event.target);
      else if (ARROWS[event.key]) this.#move(event.target, ...ARROWS[event.key]);
      else return;
      event.preventDefault();
    });
    this.svg.addEventListener("focusin", (event) => this.#rove(event.target));
  }

  /** Takes in a picture, or what has changed of it. */
  apply({ width, height, set, remove = [], whole = false }) {
    for (const [name, value] of [["width", width], ["height", height], ["viewBox", `0 0 ${width} ${height}`]]) {
      this.svg.setAttribute(name, value);
    }
    const gone = whole ? [...this.#parts.keys()].filter((key) => !(key in set)) : remove;
    for (const key of gone) {
      this.#parts.get(key)?.remove();
      this.#parts.delete(key);
    }
    this.#put(set, whole);
    if (!this.svg.querySelector('[tabindex="0"]')) {
      this.svg.querySelector('[tabindex="-1"]')?.setAttribute("tabindex", "0");
    }
  }

  #put(set, whole) {
    const text = `<svg xmlns="${SVG}">${Object.values(set).join("")}</svg>`;
    const parsed = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
    for (const part of [...parsed.children]) {
      const key = part.dataset.id;
      const old = this.#parts.get(key);
      const made = document.adoptNode(part);
      this.#parts.set(key, made);
      if (!old) this.#layers[key.slice(0, key.indexOf(":"))].append(made);
      else this.#replace(old, made, whole);
    }
  }

  #replace(old, made, whole) {
    const focused = old.contains(document.activeElement);
    for (const name of ["chosen", "lit"]) made.classList.toggle(name, old.classList.contains(name));
    old.replaceWith(made);
    if (!whole) made.classList.add("fresh");
    if (focused) (made.matches("[tabindex]") ? made : made.querySelector("[tabindex]"))?.focus();
  }

  /** Marks the cards of a subject. */
  mark(subject) {
    for (const card of this.#layers.card.children) card.classList.toggle("chosen", !!subject && card.dataset.subject === subject);
  }

  /** Lights the cards of these subjects, and dims the others; none lights all. */
  light(subjects) {
    const wanted = new Set(subjects);
    this.svg.classList.toggle("tracing", wanted.size > 0);
    for (const card of this.#layers.card.children) card.classList.toggle("lit", wanted.has(card.dataset.subject));
  }

  #rove(target) {
    if (!target.matches("[tabindex]")) return;
    this.svg.querySelectorAll('[tabindex="0"]').forEach((each) => each.setAttribute("tabindex", "-1"));
    target.setAttribute("tabindex", "0");
  }

  /** Moves the focus to the nearest thing in a direction. */
  #move(from, dx, dy) {
    const start = centre(from);
    let best = null;
    let least = Infinity;
    for (const each of this.svg.querySelectorAll("[tabindex]")) {
      const [x, y] = centre(each);
      const along = (x - start[0]) * dx + (y - start[1]) * dy;
      const aside = Math.abs((x - start[0]) * dy) + Math.abs((y - start[1]) * dx);
      if (each !== from && along > 1 && along + 3 * aside < least) [best, least] = [each, along + 3 * aside];
    }
    best?.focus();
    best?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
}

function centre(element) {
  const box = element.querySelector("rect").getBoundingClientRect();
  return [element.dataset.fold === undefined ? box.x + box.width / 2 : box.x + 20, box.y + Math.min(box.height / 2, 20)];
}
