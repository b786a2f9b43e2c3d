// The tree of nodes and fields: what there is, in which units, how fresh.
import { age } from "./moments.js";

const FRESH_S = 60;
const ONE_REQUEST = 5000; // characters of names in one request for last samples
const OPEN_FIELDS = 60; // nodes with fewer fields are open from the start while there are few nodes

const element = (tag, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};

export class Tree {
  /**
   * `plot(field, apart)` is called for a field that was chosen, in a new panel if `apart`; `seen()` when others
   * than before may be seen.
   */
  constructor(root, search, plot, seen) {
    this.root = root;
    this.search = search;
    this.plot = plot;
    this.rows = new Map();
    this.fields = [];
    this.nodes = [];
    this.shown = new Set();
    this.last = new Map();
    search.addEventListener("input", () => this.filter());
    search.addEventListener("keydown", (event) => this.fromSearch(event));
    root.addEventListener("keydown", (event) => this.step(event));
    root.addEventListener("toggle", seen, { capture: true });
    root.parentElement.addEventListener("scroll", seen);
    search.addEventListener("input", seen);
    root.addEventListener("click", (event) => {
      const row = event.target.closest("button[data-field]");
      if (row) this.plot(row.dataset.field, event.shiftKey);
    });
  }

  /** Show these nodes and fields. */
  fill(nodes, fields) {
    const open = new Map([...this.root.querySelectorAll("details")].map((one) => [one.dataset.node, one.open]));
    this.fields = fields;
    this.nodes = nodes;
    this.rows.clear();
    const folders = nodes.map((node) => {
      const own = fields.filter((field) => field.node === node.name);
      const folder = element("details",
        { open: open.get(node.name) ?? (own.length <= OPEN_FIELDS && nodes.length <= 12) },
        element("summary", { title: node.description }, element("b", { textContent: node.name }),
          element("small", { textContent: ` ${own.length}${node.problem ? ` · ${node.problem}` : ""}` })),
        element("p", { className: "about", textContent: node.description }),
        ...own.map((field) => this.row(field)));
      folder.dataset.node = node.name;
      return folder;
    });
    this.root.replaceChildren(...folders);
    if (!nodes.length) this.root.textContent = "No data node is online.";
    this.mark(this.shown);
    this.filter();
    this.freshen([], Date.now() / 1000);
  }

  row(field) {
    const fresh = element("small", { className: "fresh" });
    const button = element("button", { title: [field.description, field.field].filter(Boolean).join("\n") },
      element("span", { textContent: field.name }),
      element("small", { className: "units", textContent: field.units ?? "" }), fresh);
    button.dataset.field = field.field;
    this.rows.set(field.field, { field, button, fresh, text: `${field.field} ${field.description ?? ""}`.toLowerCase() });
    return button;
  }

  filter() {
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const { button, text } of this.rows.values()) button.hidden = !words.every((word) => text.includes(word));
    for (const folder of this.root.querySelectorAll("details")) {
      const found = folder.querySelector("button:not([hidden])");
      folder.hidden = words.length > 0 && !found;
      if (words.length && found) folder.open = true;
    }
  }

  /** Tell which fields are plotted. */
  mark(shown) {
    this.shown = shown;
    for (const [name, { button }] of this.rows) button.setAttribute("aria-pressed", shown.has(name));
  }

  /** Names of the fields that can be seen, in pieces that fit into a request each. */
  visible() {
    const window = this.root.parentElement.getBoundingClientRect();
    const pieces = [[]];
    let length = 0;
    for (const [name, { button }] of this.rows) {
      const { top, bottom, height } = button.getBoundingClientRect();
      if (!height || bottom < window.top || top > window.bottom) continue;
      length += encodeURIComponent(name).length + 7;
      if (length > ONE_REQUEST) {
        pieces.push([]);
        length = 0;
      }
      pieces.at(-1).push(name);
    }
    return pieces.filter((piece) => piece.length);
  }

  /** Take in last samples, and write how old each is. */
  freshen(samples, now) {
    for (const sample of samples) this.last.set(sample.field, sample);
    for (const [name, { field, fresh }] of this.rows) {
      const sample = this.last.get(name);
      if (!sample) continue;
      const old = sample.time === null ? null : now - sample.time;
      const value = typeof sample.value === "number" ? Number(sample.value.toPrecision(4)) : sample.value;
      fresh.textContent = old === null ? "archive" : `${value ?? "–"} · ${age(old)}`;
      fresh.title = old === null ? "no sample within 30 days" : `last sample ${age(old)} ago`;
      fresh.dataset.fresh = old !== null && old <= Math.max(FRESH_S, 3 * (field.interval ?? 0));
    }
  }

  seen() {
    return [...this.root.querySelectorAll("button[data-field]:not([hidden])")].filter((one) => one.closest("details").open);
  }

  fromSearch(event) {
    const [first] = this.seen();
    if (event.key === "ArrowDown") first?.focus();
    else if (event.key === "Enter" && first) this.plot(first.dataset.field, event.shiftKey);
    else return;
    event.preventDefault();
  }

  step(event) {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by) return;
    const seen = this.seen();
    const at = seen.indexOf(document.activeElement) + by;
    (at < 0 ? this.search : seen[Math.min(at, seen.length - 1)])?.focus();
    event.preventDefault();
    event.stopPropagation();
  }
}
