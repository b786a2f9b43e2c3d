// The overview: trouble first, then a tile for each node or group, with what it measured within 12 h.
import { patience } from "./freshness.js";
import { age, write } from "./moments.js";
import { data, Trouble } from "./server.js";
import { spark } from "./spark.js";
import { isTrouble, KINDS, missing, overall, shownOf, standing, tiles, worst } from "./standing.js";
import { short } from "./ticks.js";
import { element } from "./tree.js";

const SPARK_S = 12 * 3600;
const SPARK_SIZE = [66, 26];
const SPARK_POINTS = 68; // two of each bin of two pixels, and both ends
const SPARK_KEPT_S = 300; // what is new in less is thinner than a line
const SPARK_AGAIN_S = 30; // until one that failed, or whose field is another now, is asked for
const SPARKS_AT_ONCE = 25;
const PAUSE_S = (6 * SPARK_S) / SPARK_POINTS;
const MOST_TROUBLES = 50;
const NS = "http://www.w3.org/2000/svg";
const MOST_LETTERS = 6; // of a value in large figures
const NO_VALUE = ["unknown", "gone"];

const written = (value) => (typeof value === "number" ? short(value) : value === null || value === undefined ? "–" : String(value));

/** Set a property only where it differs: what does not change costs no layout. */
const set = (node, name, value) => {
  if (node[name] !== value) node[name] = value;
};

export class Overview {
  /**
   * `sight` are the elements `trouble`, `troubles` and `tiles`; `open(fields)` is called with the fields of a tile, or
   * the one in trouble, that somebody wants to see.
   */
  constructor(sight, open) {
    this.sight = sight;
    this.open = open;
    this.cards = new Map();
    this.rows = new Map();
    this.sparks = new Map();
    this.seen = new Set();
    this.eye = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) this.seen[isIntersecting ? "add" : "delete"](target);
    }, { rootMargin: "100px" });
  }

  /** How every field of a tree stands: items of `standing`, with `field`, `groups` and `label`. */
  survey(tree, watched, now, at, known) {
    const items = [];
    for (const [name, { field, node, since }] of tree.listed()) {
      if (watched.here && field.node === "watch") continue; // its fields say how the others are
      const said = watched.here ? watched.fields.get(name) ?? null : null;
      const sample = tree.last.get(name);
      const stands = standing({ field, node, sample, told: at - (sample?.at ?? 0), now, gone: since, known, watched: said });
      items.push({ ...stands, field, groups: said?.groups ?? [], label: said?.label || field.name });
    }
    for (const [name, said] of watched.here ? watched.fields : []) {
      if (name !== said.field || said.holders.some((one) => tree.field(one)) || tree.field(name)) continue;
      const [node, own] = name.includes("::") ? name.split("::") : ["", name];
      const field = { field: name, node: node || "the site's file", name: own, units: said.units, interval: null };
      const stands = standing({ field, node: null, sample: undefined, told: 0, now, gone: null, known, watched: said });
      items.push({ ...stands, field, groups: said.groups, label: said.label || own });
    }
    return items;
  }

  /** Nodes that are lost: those that went while this page looked, and those that watch misses. */
  lost(tree, watched) {
    const found = new Map();
    for (const [name, { gone }] of tree.nodes) if (gone !== null) found.set(name, { name, since: gone, why: "" });
    for (const { name, here, since, why } of watched.here ? watched.nodes.values() : []) {
      if (!here) found.set(name, { name, since: since ?? found.get(name)?.since ?? null, why });
    }
    const here = new Set([...tree.nodes].filter(([, { gone }]) => gone === null).map(([name]) => name));
    if (watched.here && here.size) for (const one of missing(watched.fields.values(), here)) if (!found.has(one.name)) found.set(one.name, one);
    return [...found.values()];
  }

  /** Write it all; what the top line says of it. `away` is a sentence if nothing can be known. */
  tick({ tree, watched, now, at, known, away, zone, shown }) {
    this.items = this.survey(tree, watched, now, at, known);
    const lost = known ? this.lost(tree, watched) : [];
    const clock = (t) => write(t, zone).slice(now - t < 43200 ? 11 : 5, 16);
    const all = overall({ all: this.items, lost, away, watching: watched.here }, clock);
    if (shown) {
      this.list(this.troubles(lost, clock, now), all, known);
      this.lay(now);
    }
    return all;
  }

  troubles(lost, clock, now) {
    const names = new Set(lost.map(({ name }) => name));
    const fields = this.items.filter((item) => isTrouble(item) && !(item.kind === "gone" && names.has(item.field.node)))
      .sort((a, b) => KINDS[b.kind].rank - KINDS[a.kind].rank || (b.since ?? 0) - (a.since ?? 0));
    return [
      ...lost.map(({ name, since, why }) => {
        const own = this.items.filter(({ field }) => field.node === name);
        return {
          key: `node ${name}`, kind: "gone", word: "node lost", name, value: `${own.length} ${own.length === 1 ? "field" : "fields"}`,
          ago: since === null ? "" : age(now - since), why: since === null ? why : `since ${clock(since)}: ${why || "it went offline"}`, fields: own.map(({ field }) => field.field),
        };
      }),
      ...fields.map(({ kind, field, label, value, t, since, why }) => ({
        key: field.field, kind, word: KINDS[kind].word, name: `${field.node} · ${label}`,
        value: value === null ? "–" : `${written(value)} ${field.units ?? ""}`.trim(), ago: t === null ? "" : age(Math.abs(now - t)),
        why: since === null ? why : `since ${clock(since)}: ${why}`, fields: [field.field],
      })),
    ];
  }

  list(troubles, all, known) {
    const heading = troubles.length ? `${troubles.length} in trouble` : !known ? "Nothing is known now" : all.state === "well" ? "No trouble" : "No trouble that is known";
    set(this.sight.trouble.querySelector("h2"), "textContent", heading);
    this.sight.trouble.dataset.state = troubles.length ? all.tone : all.state;
    const rows = troubles.slice(0, MOST_TROUBLES).map((one) => {
      let row = this.rows.get(one.key);
      if (!row) {
        const [mark, name, value, ago, why] = ["mark", "name", "value", "ago", "why"].map((className) => element("span", { className }));
        const button = element("button", {}, mark, name, value, ago, why);
        row = { mark, name, value, ago, why, button, item: element("li", {}, button) };
        button.addEventListener("click", () => this.open(row.fields));
        this.rows.set(one.key, row);
      }
      row.fields = one.fields;
      row.button.dataset.tone = KINDS[one.kind].tone;
      set(row.mark, "textContent", `${KINDS[one.kind].shape} ${one.word}`);
      for (const part of ["name", "value", "ago", "why"]) set(row[part], "textContent", one[part]);
      return row.item;
    });
    if (troubles.length > MOST_TROUBLES) rows.push(element("li", { textContent: `and ${troubles.length - MOST_TROUBLES} more` }));
    reorder(this.sight.troubles, rows);
    for (const [key, { item }] of this.rows) if (!item.isConnected) this.rows.delete(key);
  }

  lay(now) {
    const laid = tiles(this.items);
    const cards = laid.map(({ key, name, items }) => {
      const card = this.cards.get(key) ?? this.card(key);
      const one = shownOf(items, card.field);
      card.items = items;
      card.field = one.field.field;
      this.dress(card, name, one, worst(items), now);
      return card.root;
    });
    reorder(this.sight.tiles, cards);
    for (const [key, { root }] of this.cards) {
      if (root.isConnected) continue;
      this.eye.unobserve(root);
      this.seen.delete(root);
      this.cards.delete(key);
    }
  }

  card(key) {
    const made = (className, tag = "span") => element(tag, { className });
    const card = { name: made("name"), word: made("word"), value: made("value"), which: made("which"), reach: made("reach"), bar: made("", "b"), field: "" };
    card.svg = document.createElementNS(NS, "svg");
    for (const [name, value] of [["viewBox", `-3 -3 ${SPARK_SIZE[0] + 6} ${SPARK_SIZE[1] + 6}`], ["aria-hidden", "true"]]) card.svg.setAttribute(name, value);
    const age_ = element("i", { className: "age" }, card.bar);
    card.root = element("button", { className: "tile" }, card.name, card.word, card.value, card.svg, card.which, card.reach, age_);
    card.root.addEventListener("click", () => this.open(byTrouble(card.items)));
    this.cards.set(key, card);
    this.eye.observe(card.root);
    return card;
  }

  dress(card, name, one, bad, now) {
    const { shape, word, tone } = KINDS[bad.kind];
    const blank = NO_VALUE.includes(one.kind) || one.value === null;
    const ago = one.t === null ? "" : age(Math.abs(now - one.t));
    card.root.dataset.tone = tone;
    card.root.dataset.tile = name;
    set(card.name, "textContent", name);
    set(card.word, "textContent", `${shape} ${word}`);
    const exact = written(one.value);
    const power = typeof one.value === "number" && exact.includes("·");
    const text = blank ? "–" : typeof one.value === "number" && exact.length > MOST_LETTERS ? short(one.value, 3) : exact;
    const units = blank || !one.field.units ? "" : one.field.units;
    card.value.classList.toggle("long", text.length + (power ? 0 : units.length) > MOST_LETTERS + 1);
    if (card.value.dataset.told !== `${text} ${units}`) {
      card.value.dataset.told = `${text} ${units}`;
      card.value.replaceChildren(text, ...(units && !power ? [element("small", { textContent: ` ${units}` })] : []));
    }
    const bads = card.items.filter(isTrouble).length;
    const others = card.items.length > 1 ? ` · ${bads ? `${bads} of ${card.items.length}` : `${card.items.length} fields`}` : "";
    set(card.which, "textContent", blank && one.value !== null ? `last ${written(one.value)}, ${ago} ago` : `${one.label}${power && units ? `, ${units}` : ""}${others}`);
    card.root.title = [`${one.label}: ${ago ? `${ago} old` : "no sample within 30 days"}`, one.why].filter(Boolean).join("\n");
    const limit = patience(one.field);
    const share = one.t === null || limit === null ? 0 : Math.min(1, Math.max(0, (now - one.t) / limit));
    const width = `${Math.round(50 * share) * 2}%`;
    if (card.bar.style.width !== width) card.bar.style.width = width;
    this.draw(card, now);
  }

  draw(card, now) {
    const known = this.sparks.get(card.field);
    if (card.drawn === known && card.drawnOf === card.field) return;
    [card.drawn, card.drawnOf] = [known, card.field];
    const made = known?.t && spark(known, now - SPARK_S, now, ...SPARK_SIZE, PAUSE_S);
    set(card.reach, "textContent", made && made.high > made.low ? `${short(made.low, 3)} … ${short(made.high, 3)}` : "");
    const path = document.createElementNS(NS, "path");
    if (made) path.setAttribute("d", made.path);
    card.svg.replaceChildren(path, ...(made?.marks ?? []).map(([x, y]) => {
      const mark = document.createElementNS(NS, "circle");
      for (const [name, value] of [["cx", x], ["cy", y], ["r", 1.8]]) mark.setAttribute(name, value);
      return mark;
    }));
  }

  /** Fields whose last samples are seen in tiles. */
  due() {
    return this.visible().filter(({ field }) => field.node).map(({ field }) => field.field);
  }

  visible() {
    return [...this.cards.values()].filter(({ root }) => this.seen.has(root))
      .map((card) => card.items.find((one) => one.field.field === card.field)).filter((one) => one && one.kind !== "gone");
  }

  /** Ask for the curves of tiles that are seen and have none, or an old one: many in one request. */
  async pull(now) {
    const due = this.visible().filter(({ field, kind }) => {
      const known = this.sparks.get(field.field);
      return kind !== "archive" && field.type !== "string" && (!known || now - known.at > (known.t ? SPARK_KEPT_S : SPARK_AGAIN_S));
    }).map(({ field }) => field.field).slice(0, SPARKS_AT_ONCE);
    if (!due.length) return false;
    for (const name of due) this.sparks.set(name, { ...this.sparks.get(name), at: now });
    try {
      const answers = await data(due, now - SPARK_S, now, SPARK_POINTS);
      for (const { field, t, values } of answers) this.sparks.set(field, { at: now, t, values });
    } catch (error) {
      if (!(error instanceof Trouble)) throw error; // the top line says what is away
      return false;
    }
    return true;
  }
}

/** Names of a tile's fields, those in trouble first. */
const byTrouble = (items) => [...items].sort((a, b) => isTrouble(b) - isTrouble(a)).map(({ field }) => field.field);

/** Have exactly these children, moving none that is in its place: what has the focus keeps it. */
function reorder(parent, wanted) {
  wanted.forEach((one, i) => {
    if (parent.children[i] !== one) parent.insertBefore(one, parent.children[i] ?? null);
  });
  while (parent.children.length > wanted.length) parent.lastElementChild.remove();
}
