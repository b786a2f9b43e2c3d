// What is shown: panels of fields, range, switches. It lives in the address, so that a link can be mailed.
// Without panels that is the overview, unless it says `page: "explore"`.

const FIRST = { panels: [], from: "now-1h", to: "now", live: false, zone: "utc", log: false, theme: "" };
const READABLE = { "%3A": ":", "%2C": ",", "%2F": "/", "%20": "+" };

/** The view that an address describes; what it does not say is as at first. */
export function read(search) {
  const query = new URLSearchParams(search);
  return {
    panels: query.getAll("p").map((text) => text.split(",").map(decoded).filter(Boolean)),
    from: query.get("from") || FIRST.from,
    to: query.get("to") || FIRST.to,
    live: query.get("live") === "1",
    zone: query.get("zone") === "local" ? "local" : "utc",
    log: query.get("log") === "1",
    theme: ["dark", "light"].includes(query.get("theme")) ? query.get("theme") : "",
    ...(query.get("page") === "explore" ? { page: "explore" } : {}),
  };
}

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
  const pairs = view.panels.filter((names) => names.length)
    .map((names) => ["p", names.map((name) => name.replace(/[%,]/g, encodeURIComponent)).join(",")]);
  if (!pairs.length && view.page) pairs.push(["page", view.page]);
  for (const name of ["from", "to", "zone", "theme"]) {
    if (view[name] !== FIRST[name]) pairs.push([name, view[name]]);
  }
  for (const name of ["live", "log"]) if (view[name]) pairs.push([name, "1"]);
  const text = pairs.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&");
  return text ? `?${text.replace(/%3A|%2C|%2F|%20/g, (code) => READABLE[code])}` : "";
}

/** The same view with one of its ranges: UNIX seconds, written to the millisecond. */
export function ranged(view, start, end) {
  const exact = (t) => new Date(t * 1000).toISOString().replace(".000Z", "Z");
  return { ...view, from: exact(start), to: exact(end), live: false };
}

/** Which axis a field belongs to: that of its unit; text has its own, and so has what has no unit. */
export const axisOf = ({ field, units, type }) => (type && type !== "number" ? `words ${field}` : units ? `unit ${units}` : `only ${field}`);
