// The overview: trouble first, then a tile for each node or group, with what it measured within 12 h.
import { advice, adviceOnNode } from "./advice.js";
import { element, reorder, set } from "./element.js";
import { WATCH } from "./known.js";
import { age, write } from "./moments.js";
import { data, Trouble } from "./server.js";
import { isTrouble, KINDS, missing, overall, shownOf, standing, tiles, together, worst } from "./standing.js";
import { SPARK_POINTS, SPARK_S, Tile, written } from "./tile.js";

const DAY_S = 86400;
const KEPT_S = 300; // what is new in less is thinner than a line
const EARLIER_KEPT_S = 1800; // yesterday only moves
const AGAIN_S = 30; // until one that failed, or whose field is another now, is asked for
const AT_ONCE = 25;
const MOST_TROUBLES = 50;

export class Overview {
  /**
   * `sight` are the elements `trouble`, `troubles` and `tiles`; `open(fields)` is called with the fields of a tile, or
   * the one in trouble, that somebody wants to see.
   */
  constructor(sight, open) {
    this.sight = sight;
    this.open = open;
    this.whole = []; // of every field
    this.items = []; // one for each series
    this.cards = new Map();
    this.rows = new Map();
    this.curves = new Map();
    this.seen = new Set();
    this.drawn = new Set();
    this.eye = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) this.seen[isIntersecting ? "add" : "delete"](target);
      this.looked?.();
    }, { rootMargin: "100px" });
  }

  /** How every field stands: items of `standing`, with `field`, `groups`, `label`, and whether it is `another` of a series. */
  survey({ known: all, ...seen }) {
    const { watched, now, sure } = seen;
    const items = [];
    const chosen = all.chosen(watched);
    for (const [name, { field, node }] of all.listed()) {
      if (field.node === WATCH) continue; // its fields say how the others are
      const said = watched.here ? watched.fields.get(name) ?? null : null;
      const stands = { ...all.stands(name, seen), live: node.live };
      items.push({ ...stands, another: !chosen.has(name), field, groups: said?.groups ?? [], label: said?.label || field.name, limits: said && (said.units ?? null) === (field.units ?? null) ? said.limits : field.limits });
    }
    for (const [name, said] of watched.here ? watched.fields : []) {
      if (name !== said.field || said.holders.some((one) => all.field(one)) || all.field(name)) continue;
      const [node, own] = name.includes("::") ? name.split("::") : ["", name];
      const field = { field: name, node: node || "the site's file", name: own, units: said.units, interval: null };
      const coming = watched.nodes.get(node)?.coming ?? false;
      const stands = standing({ field, node: null, coming, sample: undefined, told: 0, now, gone: null, known: sure, watched: said, watching: true });
      items.push({ ...stands, field, groups: said.groups, label: said.label || own, limits: said.limits });
    }
    return items;
  }

  /** Nodes that are lost: those that went while this page looked, and those that watch misses. */
  lost(all, watched) {
    const found = new Map();
    // That watch is away is said by itself.
    for (const [name, { gone }] of all.nodes) if (gone !== null && name !== WATCH) found.set(name, { name, since: gone, why: "" });
    for (const { name, here, since, why } of watched.here ? watched.nodes.values() : []) {
      if (!here) found.set(name, { name, since: since ?? found.get(name)?.since ?? null, why });
    }
    const here = new Set([...all.nodes].filter(([, { gone }]) => gone === null).map(([name]) => name));
    if (watched.here && here.size) for (const one of missing(watched.fields.values(), here)) if (!found.has(one.name)) found.set(one.name, one);
    return [...found.values()];
  }

  /** Write it all; what the top line says of it. `away` is a sentence if nothing can be known. Without `news` only ages grow. */
  tick(given) {
    const { known, watched, now, sure, away, zone, shown, news } = given;
    const clock = (t) => write(t, zone).slice(now - t < 43200 ? 11 : 5, 16);
    if (news) {
      this.whole = this.survey(given);
      this.items = this.whole.filter(({ another }) => !another);
      this.gone = sure ? this.lost(known, watched) : [];
      this.all = overall({ all: this.items, lost: this.gone, away, watching: watched.here }, clock);
    }
    this.told = this.troubles(this.gone, clock, now);
    if (shown) this.list(this.all, sure);
    if (shown && news) {
      this.lay(now);
      this.mark(this.drawn);
    }
    return this.all;
  }

  troubles(lost, clock, now) {
    const names = new Set(lost.map(({ name }) => name));
    const own = new Map();
    for (const item of this.whole) (own.get(item.field.node) ?? own.set(item.field.node, []).get(item.field.node)).push(item);
    const fields = this.items.filter((item) => isTrouble(item) && !(item.kind === "gone" && names.has(item.field.node)))
      .sort((a, b) => KINDS[b.kind].rank - KINDS[a.kind].rank || (b.since ?? 0) - (a.since ?? 0));
    return [
      ...lost.map(({ name, since, why }) => {
        const mine = own.get(name) ?? [];
        return {
          key: `node ${name}`, count: 1, kind: "gone", word: "node lost", name, value: `${mine.length} ${mine.length === 1 ? "field" : "fields"}`,
          ago: since === null ? "" : age(now - since), why: since === null ? why : `since ${clock(since)}: ${why || "it went offline"}`,
          look: adviceOnNode(name), fields: mine.map(({ field }) => field.field),
        };
      }),
      ...together(fields, own).map((items, i) => {
        const [item] = items;
        const { kind, field, label, value, t, since, why } = item;
        const all = items.length > 1;
        const key = all ? `all of ${field.node}` : field.field;
        if (i >= MOST_TROUBLES) return { key, count: items.length };
        return {
          key, kind, word: KINDS[kind].word, name: `${field.node} · ${all ? `all ${items.length} fields` : label}`, count: items.length,
          value: all ? "" : value === null ? "–" : `${written(value)} ${field.units ?? ""}`.trim(), ago: t === null ? "" : t > now + 1 ? `${age(t - now)} ahead` : age(now - t),
          why: since === null ? why : `since ${clock(since)}: ${why}`, look: advice(item, own.get(field.node)), fields: items.map((one) => one.field.field),
        };
      }),
    ];
  }

  list(all, sure) {
    const { told } = this;
    const heading = told.length ? `${counted(told)} in trouble` : !sure ? "Nothing is known now" : all.state === "well" ? "No trouble" : "No trouble that is known";
    set(this.sight.trouble.querySelector("h2"), "textContent", heading);
    const state = told.length ? all.tone : all.state;
    if (this.sight.trouble.dataset.state !== state) this.sight.trouble.dataset.state = state;
    const parts = ["mark", "name", "value", "ago", "why", "look"];
    const rows = told.slice(0, MOST_TROUBLES).map((one) => {
      let row = this.rows.get(one.key);
      if (!row) {
        row = Object.fromEntries(parts.map((className) => [className, element("span", { className })]));
        row.button = element("button", {}, ...parts.map((name) => row[name]));
        row.item = element("li", {}, row.button);
        row.button.addEventListener("click", () => this.open(row.fields));
        this.rows.set(one.key, row);
      }
      row.fields = one.fields;
      const { tone, shape } = KINDS[one.kind];
      if (row.button.dataset.tone !== tone) row.button.dataset.tone = tone;
      set(row.mark, "textContent", `${shape} ${one.word}`);
      for (const part of parts.slice(1)) set(row[part], "textContent", one[part]);
      return row.item;
    });
    if (told.length > MOST_TROUBLES) {
      this.rest ??= element("li", { className: "rest" });
      set(this.rest, "textContent", `and ${counted(told.slice(MOST_TROUBLES))} more`);
      rows.push(this.rest);
    }
    reorder(this.sight.troubles, rows);
    for (const [key, { item }] of this.rows) if (!item.isConnected) this.rows.delete(key);
  }

  lay(now) {
    const cards = tiles(this.items).map(({ key, name, items }) => {
      const card = this.cards.get(key) ?? this.card(key);
      const one = shownOf(items, card.field);
      card.items = items;
      card.dress(name, one, worst(items), now);
      card.draw(this.curves.get(card.field), one.limits, now);
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

  /** Tell which fields are plotted beside it. */
  mark(drawn) {
    this.drawn = drawn;
    const has = (fields) => (fields.length > 0 && fields.every((name) => drawn.has(name)) ? "true" : null);
    for (const { button, fields } of this.rows.values()) set(button, "ariaCurrent", has(fields ?? []));
    for (const { root, field } of this.cards.values()) set(root, "ariaCurrent", has(field ? [field] : []));
  }

  card(key) {
    const card = new Tile((items) => this.open(byTrouble(items)));
    this.cards.set(key, card);
    this.eye.observe(card.root);
    return card;
  }

  /** Fields whose last samples are seen in tiles. */
  due() {
    return this.visible().filter(({ field }) => field.node).map(({ field }) => field.field);
  }

  visible() {
    return [...this.cards.values()].filter(({ root }) => this.seen.has(root))
      .map((card) => card.items.find((one) => one.field.field === card.field)).filter((one) => one && one.kind !== "gone");
  }

  /** Ask for the curves of tiles that are seen and have none, or an old one: many in one request. Whether there are more. */
  async pull(now) {
    const due = (part, kept) => this.visible().filter(({ field, kind }) => {
      const known = this.curves.get(field.field);
      const asked = known?.[part];
      return kind !== "archive" && field.type !== "string" && (part === "asked" || known?.t) && (!asked || now - asked > (known.t ? kept : AGAIN_S));
    }).map(({ field }) => field.field).slice(0, AT_ONCE);
    const names = due("asked", KEPT_S);
    if (names.length) return this.curvesOf(names, "asked", now, now, ({ t, values }) => ({ t, values }));
    const before = due("askedEarlier", EARLIER_KEPT_S);
    const moved = ({ t, values }) => ({ earlier: { t: Array.from(t, (moment) => moment + DAY_S), values } });
    return before.length > 0 && this.curvesOf(before, "askedEarlier", now, now - DAY_S, moved);
  }

  async curvesOf(names, part, now, end, taken) {
    for (const name of names) this.curves.set(name, { ...this.curves.get(name), [part]: now });
    try {
      for (const one of await data(names, end - SPARK_S, end, SPARK_POINTS)) this.curves.set(one.field, { ...this.curves.get(one.field), ...taken(one) });
    } catch (error) {
      if (!(error instanceof Trouble)) throw error; // the top line says what is away
      return false;
    }
    return true;
  }
}

/** Names of a tile's fields, those in trouble first. */
const counted = (rows) => rows.reduce((sum, { count }) => sum + count, 0);
const byTrouble = (items) => [...items].sort((a, b) => isTrouble(b) - isTrouble(a)).map(({ field }) => field.field);
