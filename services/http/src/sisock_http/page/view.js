// What is shown: panels of fields, range, switches. It lives in the address, so that a link can be mailed.
// Without panels that is the overview, unless it says `page: "explore"`; with `page: "beside"` panels stand beside it.
import { fieldsOf, parsed } from "./formula.js";
import { isZone } from "./moments.js";

const FIRST = { panels: [], from: "now-1h", to: "now", live: false, zone: "utc", theme: "", compare: "" };
const READABLE = { "%3A": ":", "%2C": ",", "%2F": "/", "%20": "+" };
const COMPARED = { "1d": 86400, "1w": 604800 };

/** A panel: names of fields, and its scale; null is as the samples have it. */
export const panelOf = (names, more = {}) => ({ names, log: false, low: null, high: null, ...more });

/** Every field that is plotted. */
export const plotted = ({ panels }) => panels.flatMap(({ names }) => names);

/** Every field that these curves are made of. */
export const shownFields = (view) => [...new Set(plotted(view).flatMap(fieldsOf))];

/** Seconds to the earlier range that is drawn behind; 0 for none. */
export const shiftOf = ({ compare }) => COMPARED[compare] ?? 0;

/** The view that an address describes; what it does not say is as at first. */
export function read(search) {
  const query = new URLSearchParams(search);
  const all = query.get("log") === "1"; // links of before had one switch for all panels
  const panels = query.getAll("p").map((text) => panelOf(text.split(",").map(decoded).filter(Boolean), { log: all }));
  for (const text of query.getAll("y")) {
    const [at, kind, low, high] = text.split(",");
    if (panels[at]) Object.assign(panels[at], { log: kind === "log", low: number(low), high: number(high) });
  }
  return {
    panels,
    from: query.get("from") || FIRST.from,
    to: query.get("to") || FIRST.to,
    live: query.get("live") === "1",
    zone: isZone(query.get("zone") ?? "utc") ? query.get("zone") ?? "utc" : "utc",
    theme: ["dark", "light"].includes(query.get("theme")) ? query.get("theme") : "",
    compare: query.get("compare") in COMPARED ? query.get("compare") : "",
    ...(query.get("page") === "explore" || (panels.length && query.get("page") === "beside") ? { page: query.get("page") } : {}),
  };
}

const number = (text) => (text && Number.isFinite(Number(text)) ? Number(text) : null);

/** Whether panels stand beside the overview, where there is room for both. */
export const isBeside = ({ panels, page }) => panels.length > 0 && page === "beside";

export const isOverview = ({ panels, page }) => !panels.length && page !== "explore";

/** The overview as somebody who looks at `view` has it: its range and panels are not the overview's. */
export const overviewOf = ({ zone, theme }) => ({ ...FIRST, zone, theme });

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a link that somebody wrote by hand
  }
}

/** The address of a view, without its path. */
export function write(view) {
  const panels = view.panels.filter(({ names }) => names.length);
  const pairs = panels.map(({ names }) => ["p", names.map((name) => name.replace(/[%,]/g, encodeURIComponent)).join(",")]);
  panels.forEach(({ log, low, high }, i) => {
    if (log || low !== null || high !== null) pairs.push(["y", [i, log ? "log" : "lin", low ?? "", high ?? ""].join(",")]);
  });
  if (view.page === (pairs.length ? "beside" : "explore")) pairs.push(["page", view.page]);
  for (const name of ["from", "to", "zone", "theme", "compare"]) {
    if (view[name] !== FIRST[name]) pairs.push([name, view[name]]);
  }
  if (view.live) pairs.push(["live", "1"]);
  const text = pairs.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&");
  return text ? `?${text.replace(/%3A|%2C|%2F|%20/g, (code) => READABLE[code])}` : "";
}

/** The same view with one of its ranges: UNIX seconds, written to the millisecond. */
export function ranged(view, start, end) {
  const exact = (t) => new Date(t * 1000).toISOString().replace(".000Z", "Z");
  return { ...view, from: exact(start), to: exact(end), live: false };
}

/** Which axis a field belongs to: that of its unit, differences another one, for they are small; text, and yes and no, have lanes; what has no unit has its own. */
export const axisOf = ({ field, units, type }) => {
  if (type && type !== "number") return "words";
  const kind = parsed(field)?.kind === "-" ? "difference " : "";
  return units ? `${kind}unit ${units}` : `only ${field}`;
};
