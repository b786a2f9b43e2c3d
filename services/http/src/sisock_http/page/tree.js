// The tree of nodes and fields: what there is, in which units, how fresh. Only what is seen is in the document.
import { element, set } from "./element.js";
import { WATCH } from "./known.js";
import { write } from "./moments.js";

const ONE_REQUEST = 5000; // characters of names in one request for last samples
const OPEN_FIELDS = 60; // nodes with fewer fields are open from the start while there are few nodes
const OPEN_NODES = 12;
const BEYOND = 12; // rows that are made above and below what is seen

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

/** Rows of the tree, top to bottom: `{node}` of each node, and `{node, field}` of each field below one that is open. */
export function rowsOf(nodes, texts, words, isOpen) {
  const rows = [];
  const about = words.some((word) => word.startsWith(WATCH.slice(0, 4)));
  for (const one of nodes) {
    if (words.length) {
      // How the others are is no answer to a search for one of them.
      if (one.node.name === WATCH && !about) continue;
      const found = one.fields.filter(({ field }) => words.every((word) => texts.get(field).includes(word)));
      if (found.length) rows.push({ node: one, open: true, found: found.length }, ...found.map((field) => ({ node: one, field })));
    } else {
      const open = isOpen(one);
      rows.push({ node: one, open });
      if (open) for (const field of one.fields) rows.push({ node: one, field });
    }
  }
  return rows;
}

/** Where a chosen field is wanted: beside others of its unit, in a panel of its own, or in the chosen panel. */
const place = ({ shiftKey, ctrlKey, metaKey }) => (shiftKey ? "apart" : ctrlKey || metaKey ? "together" : "");

export class Tree {
  /**
   * `plot(field, place)` is called for a field that was chosen; `place` is "apart", "together" or empty. `seen()` is
   * called when others than before may be seen.
   */
  constructor(root, search, known, plot, seen) {
    Object.assign(this, { root, search, known, plot, seen });
    this.window = root.parentElement;
    this.rows = [];
    this.made = new Map(); // elements by what they stand for
    this.toggled = new Map(); // nodes that somebody opened or closed
    this.texts = new Map();
    this.shown = new Set();
    this.height = 28;
    this.told = () => null;
    search.addEventListener("input", () => this.filter());
    search.addEventListener("keydown", (event) => this.fromSearch(event));
    root.addEventListener("keydown", (event) => this.step(event));
    this.window.addEventListener("scroll", () => { this.render(); seen(); }, { passive: true });
    new ResizeObserver(() => { this.measure(); this.render(); seen(); }).observe(this.window);
    root.addEventListener("click", (event) => {
      const row = event.target.closest("button");
      if (row?.dataset.field) plot(row.dataset.field, place(event));
      else if (row) this.turn(row.dataset.node);
    });
  }

  /** Nodes or fields are others than before. */
  fill() {
    this.texts = new Map([...this.known.listed()].map(([name, { field }]) => [name, `${name} ${field.description ?? ""}`.toLowerCase()]));
    this.nodes = [...this.known.nodes.values()].sort((a, b) => (a.node.name === WATCH) - (b.node.name === WATCH) || (a.node.name < b.node.name ? -1 : 1));
    const { field, node } = document.activeElement?.closest("#tree button")?.dataset ?? {};
    this.made.clear();
    this.root.replaceChildren();
    this.filter();
    if (field || node) this.made.get(field ?? ` ${node}`)?.focus();
  }

  isOpen({ node, fields }) {
    return this.toggled.get(node.name) ?? (node.name !== WATCH && fields.length <= OPEN_FIELDS && this.known.nodes.size <= OPEN_NODES);
  }

  turn(name) {
    this.toggled.set(name, !this.isOpen(this.known.nodes.get(name)));
    this.filter();
    this.root.querySelector(`button[data-node="${CSS.escape(name)}"]`)?.focus();
  }

  filter() {
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    this.rows = rowsOf(this.nodes ?? [], this.texts, words, (one) => this.isOpen(one));
    this.empty = this.rows.length || !words.length ? "" : `No field has “${this.search.value.trim()}” in its name or description.`;
    for (const row of this.made.values()) if (!row.dataset.field) row.dataset.old = "";
    this.render();
    this.seen();
  }

  /** What stands where there is no row to show. */
  say(sentence) {
    this.sentence = sentence;
    if (!this.rows.length) this.render();
  }

  measure() {
    this.height = Number.parseFloat(getComputedStyle(this.root).getPropertyValue("--row")) || 28;
  }

  /** Make the rows that are seen, and forget the others. */
  render() {
    const { height, rows } = this;
    if (!rows.length) {
      const text = this.empty || (this.known.nodes.size ? "" : this.sentence ?? "");
      if (this.root.textContent !== text) this.root.replaceChildren(...(text ? [element("p", { className: "about", role: "status", textContent: text })] : []));
      this.root.style.height = "auto";
      return;
    }
    const top = this.window.scrollTop - this.root.offsetTop;
    const first = Math.max(0, Math.floor(top / height) - BEYOND);
    const last = Math.min(rows.length, Math.ceil((top + Math.max(this.window.clientHeight, height)) / height) + BEYOND);
    this.root.style.height = `${rows.length * height}px`;
    const seen = new Set();
    let after = null;
    for (let i = first; i < last; i++) {
      const row = rows[i];
      const key = row.field ? row.field.field : ` ${row.node.node.name}`;
      let made = this.made.get(key);
      if (!made || made.dataset.old === "") {
        made?.remove();
        made = row.field ? this.fieldRow(row) : this.nodeRow(row);
        this.made.set(key, made);
      }
      const at = `${i * height}px`;
      if (made.style.top !== at) made.style.top = at;
      made.row = i;
      seen.add(key);
      const next = after ? after.nextSibling : this.root.firstChild;
      if (next !== made) this.root.insertBefore(made, next);
      after = made;
    }
    for (const [key, made] of this.made) {
      if (seen.has(key) || made === document.activeElement) continue;
      made.remove();
      this.made.delete(key);
    }
    while (after && after.nextSibling && after.nextSibling !== document.activeElement) after.nextSibling.remove();
    this.told(this);
  }

  nodeRow({ node: { node, fields, gone }, open, found }) {
    const told = gone === null ? `${found ?? fields.length}${node.problem ? ` · ${node.problem}` : ""}` : `gone since ${write(gone, "utc").slice(5, 16)} UTC`;
    const name = node.name === WATCH ? "states, by watch" : node.name;
    const row = element("button", { className: `folder${gone === null ? "" : " gone"}`, title: node.description, ariaExpanded: open },
      element("b", { textContent: `${open ? "▾" : "▸"} ${name}` }), element("small", { textContent: told }));
    row.dataset.node = node.name;
    return row;
  }

  fieldRow({ node: { gone }, field }) {
    const cut = field.name.lastIndexOf(".") + 1;
    const row = element("button", { title: [field.description, field.field].filter(Boolean).join("\n"), className: gone === null ? "" : "gone" },
      element("span", {}, element("i", { textContent: field.name.slice(0, cut) }), element("em", { textContent: field.name.slice(cut) })),
      element("small", { className: "units", textContent: field.units ?? "" }), element("small", { className: "fresh" }));
    row.dataset.field = field.field;
    row.ariaPressed = this.shown.has(field.field);
    return row;
  }

  /** Tell which fields are plotted. */
  mark(shown) {
    this.shown = shown;
    for (const row of this.root.querySelectorAll("[data-field]")) set(row, "ariaPressed", String(shown.has(row.dataset.field)));
  }

  /** Write how the fields that are seen stand; `brief(name)` says it. */
  tick(brief) {
    this.told = () => {
      for (const row of this.root.querySelectorAll("[data-field]")) {
        const { state, tone, text, title } = brief(row.dataset.field);
        const fresh = row.lastChild;
        set(fresh, "textContent", text);
        set(fresh, "title", title);
        for (const [name, value] of [["state", state], ["tone", tone]]) if (fresh.dataset[name] !== value) fresh.dataset[name] = value;
      }
    };
    this.told();
  }

  /** Names of the fields that are seen, of nodes that are here. */
  visible() {
    const top = this.window.scrollTop - this.root.offsetTop;
    const rows = this.rows.slice(Math.max(0, Math.floor(top / this.height)), Math.ceil((top + this.window.clientHeight) / this.height));
    return this.window.clientHeight ? rows.filter(({ field, node }) => field && node.gone === null).map(({ field }) => field.field) : [];
  }

  /** Go to a row, wherever it is. */
  go(at) {
    const top = at * this.height + this.root.offsetTop;
    const room = this.window.clientHeight - this.height;
    if (top < this.window.scrollTop + this.height) this.window.scrollTop = Math.max(0, top - this.height);
    else if (top > this.window.scrollTop + room - this.height) this.window.scrollTop = top - room + this.height;
    this.render();
    [...this.root.children].find((one) => one.row === at)?.focus();
  }

  fromSearch(event) {
    const first = this.rows.findIndex(({ field }) => field);
    if (event.key === "ArrowDown" && first >= 0) this.go(first);
    else if (event.key === "Enter" && first >= 0) this.plot(this.rows[first].field.field, place(event));
    else return;
    event.preventDefault();
  }

  step(event) {
    const at = document.activeElement.row;
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: this.rows.length - 1, PageDown: at + 15, PageUp: at - 15 }[event.key];
    if (to === undefined || at === undefined) return;
    if (to < 0 && event.key === "ArrowUp") this.search.focus();
    else this.go(Math.max(0, Math.min(this.rows.length - 1, to)));
    event.preventDefault();
    event.stopPropagation();
  }
}
