// How each field stands, and all together: what watch says of it. Where nobody watches there are values and ages, and
// no states: this page judges nothing by its own clock.
import { age } from "./moments.js";

/** Each way to stand: its rank (the worst comes first), its tone, and a shape and a word, for colours alone say nothing. */
export const KINDS = {
  alarm: { rank: 8, tone: "red", shape: "▲", word: "out of limits" },
  gone: { rank: 7, tone: "red", shape: "✕", word: "gone" },
  silent: { rank: 6, tone: "red", shape: "▲", word: "silent" },
  warning: { rank: 5, tone: "amber", shape: "◆", word: "near a limit" },
  ahead: { rank: 4, tone: "amber", shape: "◆", word: "clock ahead" },
  late: { rank: 3, tone: "amber", shape: "◆", word: "late" },
  unknown: { rank: 2, tone: "hatched", shape: "?", word: "not known" },
  fresh: { rank: 1, tone: "grey", shape: "●", word: "fresh" },
  unwatched: { rank: 1, tone: "grey", shape: "○", word: "not watched" },
  archive: { rank: 0, tone: "grey", shape: "▪", word: "archive" },
};
const ORDER = new Intl.Collator("en", { numeric: true });
const TROUBLE_RANK = KINDS.late.rank;
const PLAIN = ["fresh", "unwatched", "unknown"];
const NOBODY = "nobody watches";
const COMING = ["fresh", "late", "ahead", "warning", "alarm"];
const BLIND = "this page cannot ask";
const STALE_S = 60; // an answer older than that tells nothing of now
const AHEAD_S = 5; // as watch counts it

export const isTrouble = ({ kind }) => KINDS[kind].rank >= TROUBLE_RANK;

/**
 * How a field stands: `{kind, value, t, since, why, sure}`, times in UNIX seconds by the clock of the server; `sure` is
 * whether the value is of lately.
 *
 * `sample` is its last one, undefined if nobody has answered yet; `told` the seconds since that was answered; `gone`
 * since when its node is, or null; `known` whether anything can be known now; `node` what the bridge says of its node;
 * `coming` whether nobody can tell yet that it is gone, since its node came a moment ago;
 * `watched` what watch says of the field, null if it says nothing; `watching` whether there is a watch that ought to.
 */
export function standing({ field, node, sample, told, now, gone, known, watched, watching, coming = false }) {
  const same = watched && watched.t !== null && (watched.units ?? null) === (field.units ?? null);
  const newer = same && !(sample?.time >= watched.t);
  const t = newer ? watched.t : sample?.time ?? null;
  const sure = known && (newer || (sample !== undefined && told <= STALE_S));
  const about = { value: newer ? watched.value : sample?.value ?? null, t, since: null, why: "", sure };
  if (!known) return { ...about, kind: "unknown", why: BLIND };
  if (gone !== null) return { ...about, kind: "gone", since: watched?.since ?? gone, why: watched?.why || `${field.node} is away` };
  const archive = node && !node.live && !node.problem;
  const kind = watched ? saidOf(watched, node || coming, archive) : archive ? "archive" : watching || !sure ? "unknown" : "unwatched";
  const why = watched ? watched.why : archive ? "" : watching ? "watch does not say" : !sample ? "not looked at yet" : sure ? NOBODY : "not answered lately";
  // That a stamp is in the future is so, whoever says it.
  if (t - now >= AHEAD_S && PLAIN.includes(kind)) return { ...about, kind: "ahead", why: watched?.why || `its newest sample is ${age(t - now)} in the future` };
  return { ...about, kind, since: watched?.since ?? null, why };
}

/** What is unknown to watch is gone if no node has it; of an archive nobody can tell whether it ought to grow. */
function saidOf({ state }, held, archive) {
  if (state === "unknown") return !held ? "gone" : archive ? "archive" : "unknown";
  return state in KINDS ? state : "unknown";
}

/** The worst of some standings, the first of its kind; undefined of none. */
export const worst = (all) => all.reduce((found, one) => (!found || KINDS[one.kind].rank > KINDS[found.kind].rank ? one : found), undefined);

/**
 * What the top line, the title and the icon say.
 *
 * `all` are standings, `lost` nodes `{name, since}`, `away` a sentence if nothing can be known, `watching` whether watch is.
 */
export function overall({ all, lost, away, watching }, clock) {
  const names = new Set(lost.map(({ name }) => name));
  const told = all.filter(({ kind, field }) => !(kind === "gone" && names.has(field.node)));
  const count = (...kinds) => told.filter(({ kind }) => kinds.includes(kind)).length;
  const troubles = told.filter(isTrouble).length + lost.length;
  const since = Math.min(...lost.map((one) => one.since ?? Infinity));
  if (away) return { text: `${away} · nothing is known`, state: "away", tone: "hatched", title: "? sisock" };
  const parts = [
    [count(...COMING), "live"], [count("silent"), "silent"], [count("alarm"), "out of limits"], [count("warning"), "near a limit"],
    [count("late"), "late"], [count("ahead"), "ahead"], [count("gone"), "gone"],
    [lost.length, `${lost.length === 1 ? "node" : "nodes"} lost${Number.isFinite(since) ? ` since ${clock(since)}` : ""}`],
    [count("unwatched"), "not watched"], [count("unknown"), "not known"], [count("archive"), "in archives"],
  ].filter(([n], i) => n || (!i && watching));
  const text = parts.map(([n, word]) => `${n} ${word}`).join(" · ");
  const tone = lost.length ? "red" : KINDS[worst(all)?.kind ?? "unknown"].tone;
  if (troubles) return { text, state: "trouble", tone, title: `${troubles} ${tone === "red" ? "▲" : "◆"} sisock` };
  const well = watching && all.length > 0 && !count("unknown", "unwatched");
  return { text, state: well ? "well" : "part", tone: well ? "grey" : "hatched", title: "sisock" };
}

/** Fields as tiles, `{key, name, items}`: those of each group of the site's file, and of each node what is in none; archives last. */
export function tiles(items) {
  const [groups, nodes] = [new Map(), new Map()];
  const put = (into, name, item) => (into.get(name) ?? into.set(name, []).get(name)).push(item);
  for (const item of items) {
    for (const group of item.groups) put(groups, group, item);
    if (!item.groups.length) put(nodes, item.field.node, item);
  }
  const kept = ({ items: own }) => own.every(({ kind }) => kind === "archive");
  const listed = (map, kind) => [...map].map(([name, own]) => ({ key: `${kind}:${name}`, name, items: own }))
    .sort((a, b) => kept(a) - kept(b) || ORDER.compare(a.name, b.name));
  return [...listed(groups, "group"), ...listed(nodes, "node")];
}

/** Nodes that are not here though watch knows fields of theirs, `{name, since, why}`; `here` are the names of those that are. */
export function missing(fields, here) {
  const found = new Map();
  for (const { field, state, since, why } of fields) {
    const [node, name] = field.split("::");
    if (state !== "unknown" || name === undefined || here.has(node)) continue;
    const known = found.get(node);
    if (!known || (since ?? Infinity) < (known.since ?? Infinity)) found.set(node, { name: node, since, why });
  }
  return [...found.values()];
}

/** The field that a tile shows: its worst, else the one that it `had`, else the first that has a number. */
export function shownOf(items, had) {
  const bad = worst(items.filter((item) => isTrouble(item)));
  if (bad) return bad;
  const kept = items.find((item) => item.field.field === had);
  if (kept) return kept;
  const usual = items.filter(({ kind }) => kind === "fresh" || kind === "unwatched");
  return usual.find(({ value }) => typeof value === "number") ?? usual[0] ?? items[0];
}

/** Troubles in lists: of a node of which nothing comes, all fields are one, with that which came last first. */
export function together(troubles, own) {
  const dead = new Set();
  for (const [node, items] of own) {
    const mine = items.filter(({ another }) => !another);
    if (mine.length > 2 && mine.every(({ kind }) => kind === "silent")) dead.add(node);
  }
  const lists = new Map();
  for (const item of troubles) {
    const key = dead.has(item.field.node) ? item.field.node : item;
    if (!lists.has(key)) lists.set(key, []);
    lists.get(key).push(item);
  }
  return [...lists.values()].map((items) => items.sort((a, b) => (b.t ?? 0) - (a.t ?? 0)));
}
