// Times as people write and read them, in UTC or local time.

const UNITS = { ms: 1e-3, s: 1, m: 60, h: 3600, d: 86400, w: 604800, M: 2629800, y: 31557600 };
const EARLIEST_MILLISECONDS = 1e11; // a number from here on counts milliseconds
const FARTHEST = 1e12; // seconds; no clock will show a time farther from 1970
const NUMBER = /^[-+]?\d+(\.\d*)?([eE][-+]?\d+)?$/;
const RELATIVE = /^now(?: *([-+]) *(\d+(?:\.\d+)?) *(ms|[smhdwMy]))?$/;
const ISO = /^(\d{4})(-?)(\d\d)\2(\d\d)(?:[T ](\d\d)(?::?(\d\d)(?::?(\d\d(?:[.,]\d+)?))?)?(Z|([-+])(\d\d)(?::?(\d\d))?)?)?$/;

/** UNIX seconds of a text, `null` if it is no time: the grammar of `sisock_consumer.moments`, whose examples this is held to. */
export function parse(text, now = Date.now() / 1000) {
  const trimmed = text.trim();
  if (NUMBER.test(trimmed)) {
    const number = Number(trimmed);
    if (number <= 0) return bounded(now + number);
    return bounded(number >= EARLIEST_MILLISECONDS ? number / 1e3 : number);
  }
  const relative = RELATIVE.exec(trimmed);
  if (relative) return bounded(now + (relative[1] ? Number(relative[1] + relative[2]) * UNITS[relative[3]] : 0));
  return fromIso(trimmed);
}

/** Whether a text says how far from now, not when: it is to stay so in a view that follows the clock. */
export const isRelative = (text) => text.startsWith("now") || (NUMBER.test(text) && Number(text) <= 0);

/** The same moment in the form that addresses have: `now-3600s`, or UTC with its zone. */
export function canonical(text, now = Date.now() / 1000) {
  const trimmed = text.trim();
  if (trimmed.startsWith("now")) return trimmed.replace(/\s/g, "");
  if (isRelative(trimmed)) return Number(trimmed) ? `now-${-Number(trimmed)}s` : "now";
  return new Date(parse(trimmed, now) * 1000).toISOString().replace(".000Z", "Z");
}

const bounded = (seconds) => (Math.abs(seconds) <= FARTHEST ? seconds : null);

function fromIso(text) {
  const found = ISO.exec(text);
  if (!found) return null;
  const [, year, , month, day, hour = "0", minute = "0", second = "0", , sign, zoneHour = "0", zoneMinute = "0"] = found;
  const midnight = new Date(`${year}-${month}-${day}T00:00Z`);
  // To `Date`, 31 November is 1 December; and there was no year zero.
  if (year === "0000" || Number.isNaN(midnight.getTime()) || !midnight.toISOString().startsWith(`${year}-${month}-${day}`)) return null;
  const seconds = Number(second.replace(",", "."));
  if (Math.max(hour, zoneHour) >= 24 || Math.max(minute, zoneMinute) >= 60 || seconds >= 60) return null;
  const ahead = (3600 * zoneHour + 60 * zoneMinute) * (sign === "-" ? -1 : 1);
  return midnight.getTime() / 1000 + hour * 3600 + minute * 60 - ahead + seconds;
}

/** Why a view's range cannot be shown, in a sentence; empty if it can. */
export function rangeTrouble({ from, to }, now = Date.now() / 1000) {
  const [start, end] = [parse(from, now), parse(to, now)];
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

/** As people may type it again: local time names its zone, for a time without one is UTC. */
export function typed(t, zone) {
  if (zone === "utc") return write(t, zone);
  const minutes = -new Date(t * 1000).getTimezoneOffset();
  const two = (number) => String(number).padStart(2, "0");
  return `${write(t, zone)}${minutes < 0 ? "-" : "+"}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
}

/** `12 s`, `5 min`, `3 h`, `2 d`. */
export function age(seconds) {
  if (seconds < 90) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}
