// Times as people write and read them, in UTC or local time.

const UNITS = { s: 1, m: 60, h: 3600, d: 86400, w: 604800, M: 2629800, y: 31557600 };

/** UNIX seconds of a text, `null` if it is no time. `now-6h` counts from `now`. */
export function parse(text, zone, now = Date.now() / 1000) {
  const trimmed = text.trim();
  const relative = /^now(?:\s*([-+])\s*(\d+(?:\.\d+)?)\s*([smhdwMy]))?$/.exec(trimmed);
  if (relative) return now + (relative[1] ? Number(relative[1] + relative[2]) * UNITS[relative[3]] : 0);
  if (/^\d+(\.\d+)?$/.test(trimmed) && trimmed.length > 4) {
    const number = Number(trimmed);
    return number >= 1e11 ? number / 1e3 : number;
  }
  const iso = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?))?(Z|[-+]\d\d:?\d\d)?$/.exec(trimmed);
  if (!iso || !isDay(iso[1])) return null;
  const moment = Date.parse(`${iso[1]}T${iso[2] ?? "00:00"}${iso[3] ?? (zone === "utc" ? "Z" : "")}`);
  return Number.isNaN(moment) ? null : moment / 1000;
}

/** Whether the calendar has a day: to `Date.parse`, 31 November is 1 December. */
function isDay(text) {
  const midnight = new Date(`${text}T00:00Z`);
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(text);
}

/** Why a view's range cannot be shown, in a sentence; empty if it can. */
export function rangeTrouble({ from, to, zone }, now = Date.now() / 1000) {
  const [start, end] = [parse(from, zone, now), parse(to, zone, now)];
  if (start === null) return `From is not a time: ${from}.`;
  if (end === null) return `To is not a time: ${to}.`;
  return start < end ? "" : `From (${from}) is not before To (${to}): choose another range.`;
}

/** `2017-07-14 06:00:00`, with a fraction if `fine`. */
export function write(t, zone, fine = false) {
  const shifted = new Date(t * 1000 - (zone === "utc" ? 0 : new Date(t * 1000).getTimezoneOffset() * 60000));
  if (Number.isNaN(shifted.getTime())) return "";
  return shifted.toISOString().replace("T", " ").slice(0, fine ? 23 : 19);
}

/** `12 s`, `5 min`, `3 h`, `2 d`. */
export function age(seconds) {
  if (seconds < 90) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}
