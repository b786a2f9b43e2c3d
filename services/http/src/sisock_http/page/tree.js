// The tree of nodes and fields: what there is, in which units, how fresh.
import { judge } from "./freshness.js";
import { write } from "./moments.js";

const ONE_REQUEST = 5000; // characters of names in one request for last samples
const OPEN_FIELDS = 60; // nodes with fewer fields are open from the start while there are few nodes

export const element = (tag, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};

/** Names in pieces whose addresses are not too long. */
export function inPieces(names) {
  const pieces = [[]];
  let length = 0;
  for (const name of names) {
    length += encodeURIComponent(name).length + 7;
    if (length > ONE_REQUEST) {
      pieces.push([]);
      length = 0;
    }
    pieces.at(-1).push(name);
  }
  return pieces.filter((piece) => piece.length);
}

/** Where a chosen field is wanted: beside others of its unit, in a panel of its own, or in the chosen panel. */
const place = ({ shiftKey, ctrlKey, metaKey }) => (shiftKey ? "apart" : ctrlKey || metaKey ? "together" : "");

export class Tree {
  /**
   * `plot(field, place)` is called for a field that was chosen; `place` is "apart", "together" or empty. `seen()` is
   * called when others than before may be seen.
   */
  constructor(root, search, plot, seen) {
    this.root = root;
    this.search = search;
    this.plot = plot;
    this.rows = new Map();
    this.nodes = new Map();
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
      if (row) this.plot(row.dataset.field, place(event));
    });
  }

  /** Show these nodes and fields. What is no longer among them stays, marked as gone, if that is `sure`. */
  fill(nodes, fields, now, sure) {
    const open = new Map([...this.root.querySelectorAll("details")].map((one) => [one.dataset.node, one.open]));
    const online = new Set(nodes.map((node) => node.name));
    for (const [name, known] of this.nodes) if (!online.has(name) && sure) known.gone ??= now;
    for (const node of nodes) {
      const own = fields.filter((field) => field.node === node.name);
      this.nodes.set(node.name, { node, fields: own, gone: null });
    }
    this.rows.clear();
    const listed = [...this.nodes.values()].sort((a, b) => (a.node.name < b.node.name ? -1 : 1));
    const folders = listed.map(({ node, fields: own, gone }) => {
      const told = gone === null ? `${own.length}${node.problem ? ` · ${node.problem}` : ""}` : `gone since ${write(gone, "utc").slice(5, 16)} UTC`;
      const folder = element("details",
        { open: open.get(node.name) ?? (own.length <= OPEN_FIELDS && listed.length <= 12), className: gone === null ? "" : "gone" },
        element("summary", { title: node.description }, element("b", { textContent: node.name }), element("small", { textContent: ` ${told}` })),
        element("p", { className: "about", textContent: node.description }),
        ...own.map((field) => this.row(field, gone !== null)));
      folder.dataset.node = node.name;
      return folder;
    });
    this.root.replaceChildren(...folders);
    this.mark(this.shown);
    this.filter();
  }

  /** What stands where there is no node to show. */
  say(sentence) {
    if (!this.nodes.size && this.root.textContent !== sentence) this.root.textContent = sentence;
  }

  /** Every field by its name: `{field, node, since}`, with what is known of its node, and since when that is gone, or null. */
  * listed() {
    for (const { node, fields, gone } of this.nodes.values()) for (const field of fields) yield [field.field, { field, node, since: gone }];
  }

  /** What is known of a field: its units and so on; undefined of one that was never listed. */
  field(name) {
    return this.rows.get(name)?.field;
  }

  row(field, gone) {
    const fresh = element("small", { className: "fresh" });
    const button = element("button", { title: [field.description, field.field].filter(Boolean).join("\n") },
      element("span", { textContent: field.name }),
      element("small", { className: "units", textContent: field.units ?? "" }), fresh);
    button.dataset.field = field.field;
    this.rows.set(field.field, { field, button, fresh, gone, text: `${field.field} ${field.description ?? ""}`.toLowerCase() });
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

  /** Names of the fields to look at next, in pieces that fit into a request each: those that are seen, and a few others in turn. */
  due() {
    const window = this.root.parentElement.getBoundingClientRect();
    const [seen, others] = [[], []];
    for (const [name, { button, gone }] of this.rows) {
      if (gone) continue;
      const { top, bottom, height } = button.getBoundingClientRect();
      (height && bottom >= window.top && top <= window.bottom ? seen : others).push(name);
    }
    const told = (name) => this.last.get(name)?.at ?? 0;
    return [...inPieces(seen), ...inPieces(others.sort((a, b) => told(a) - told(b))).slice(0, 1)];
  }

  /** Take in last samples, which were answered at `at`, in seconds of any clock that goes on. */
  take(samples, at) {
    for (const sample of samples) this.last.set(sample.field, { ...sample, at });
  }

  /** Write how things stand; counts of them for the top line. `at` is now by the clock of `take`. */
  tick(now, at, known) {
    const counts = { nodes: 0, gone: 0, silent: 0, ahead: 0, unknown: 0 };
    for (const { gone } of this.nodes.values()) counts[gone === null ? "nodes" : "gone"] += 1;
    for (const [name, { field, fresh, gone }] of this.rows) {
      const sample = this.last.get(name);
      const { state, text, title } = judge({ field, sample, told: at - (sample?.at ?? 0), now, gone, known });
      if (state in counts && state !== "gone") counts[state] += 1;
      if (fresh.textContent !== text) fresh.textContent = text;
      if (fresh.title !== title) fresh.title = title;
      fresh.dataset.state = state;
    }
    return counts;
  }

  seen() {
    return [...this.root.querySelectorAll("button[data-field]:not([hidden])")].filter((one) => one.closest("details").open);
  }

  fromSearch(event) {
    const [first] = this.seen();
    if (event.key === "ArrowDown") first?.focus();
    else if (event.key === "Enter" && first) this.plot(first.dataset.field, place(event));
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
