// What there is: nodes, their fields, and the last sample of each. What went stays, marked as gone.
import { standing } from "./standing.js";

export const WATCH = "watch"; // the node whose fields say how the others are

const ORDER = new Intl.Collator("en", { numeric: true });

export class Known {
  constructor() {
    this.nodes = new Map(); // by name: `{node, fields, gone}`, `gone` since when it is, or null
    this.fields = new Map();
    this.series = new Map(); // fields by what they measure
    this.last = new Map();
  }

  /** These nodes and fields are here. What is no longer among them stays, marked as gone, if that is `sure`. */
  fill(nodes, fields, now, sure) {
    const online = new Set(nodes.map((node) => node.name));
    for (const [name, known] of this.nodes) if (!online.has(name) && sure) known.gone ??= now;
    const own = grouped([...fields].sort((a, b) => ORDER.compare(a.name, b.name)), "node");
    for (const node of nodes) this.nodes.set(node.name, { node, fields: own.get(node.name) ?? [], gone: null });
    this.fields.clear();
    for (const { node, fields: listed, gone } of this.nodes.values()) for (const field of listed) this.fields.set(field.field, { field, node, since: gone });
    this.series = grouped([...this.fields.values()].map(({ field }) => field), "series");
  }

  /** Every field by its name: `{field, node, since}`, with what is known of its node, and since when that is gone, or null. */
  listed() {
    return this.fields;
  }

  /** What is known of a field: its units and so on; undefined of one that was never listed. */
  field(name) {
    return this.fields.get(name)?.field;
  }

  /** The names of fields that stand for their series, one for each: watch's choice, else a live node's that is here. */
  chosen(watched) {
    const best = new Map();
    for (const [name, { field, node, since }] of this.fields) {
      const series = field.series ?? name;
      const rank = 4 * (watched.here && watched.fields.get(name)?.field === name) + 2 * Boolean(node.live) + (since === null);
      if (!best.has(series) || best.get(series).rank < rank) best.set(series, { name, rank });
    }
    return new Set([...best.values()].map(({ name }) => name));
  }

  /** Events with the fields that each is `about`, first that which stands for its series, and a `title`: series have names for machines. */
  placed(events, watched) {
    const chosen = events.some(({ target }) => this.series.has(target) && !this.fields.has(target)) ? this.chosen(watched) : new Set();
    return events.map((event) => {
      const { target } = event;
      const title = target.replace("::", " · ");
      if (this.fields.has(target)) return { ...event, title, about: [target] };
      if (!this.series.has(target)) return { ...event, title, about: (this.nodes.get(target)?.fields ?? []).map(({ field }) => field) };
      const holders = [...this.series.get(target)].sort((a, b) => chosen.has(b.field) - chosen.has(a.field));
      return { ...event, title: `${holders[0].node} · ${holders[0].label || holders[0].name}`, about: holders.map(({ field }) => field) };
    });
  }

  /** Take in last samples, which were answered at `at`, in seconds of any clock that goes on. */
  take(samples, at) {
    for (const sample of samples) this.last.set(sample.field, { ...sample, at });
  }

  /** How a listed field stands; `seen` is `{watched, now, at, sure}`: watch's word, both clocks, and whether anything can be known. */
  stands(name, { watched, now, at, sure }) {
    const { field, node, since } = this.fields.get(name);
    const sample = this.last.get(name);
    const own = field.node === WATCH; // of its own words nobody says how they are
    return standing({
      field, node: own ? { live: false } : node, sample, told: at - (sample?.at ?? 0), now, gone: since, known: sure,
      watched: (watched.here && watched.fields.get(name)) || null, watching: this.nodes.has(WATCH),
    });
  }
}

function grouped(fields, by) {
  const found = new Map();
  for (const field of fields) {
    if (!found.has(field[by])) found.set(field[by], []);
    found.get(field[by]).push(field);
  }
  return found;
}
