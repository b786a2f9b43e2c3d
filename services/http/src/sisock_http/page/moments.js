// Times as people write and read them, in UTC or local time.

const UNITS = { ms: 1e-3, s: 1, m: 60, h: 3600, d: 86400, w: 604800, M: 2629800, y: 31557600 };
const EARLIEST_MILLISECONDS = 1e11; // a number from here on counts milliseconds
const FARTHEST = 1e12; // seconds; no clock will show a time farther from 1970
const NUMBER = /^[-+]?\d+(\.\d*)?([eE][-+]?\d+)?$/;
const RELATIVE = /^(?:now)?(?: *([-+]) *(\d+(?:\.\d+)?) *(ms|[smhdwMy]))$/;
const CLOCK = /^(?:(today|yesterday)(?: +|$))?(?:(\d\d):(\d\d)(?::(\d\d))?)?(Z|([-+])(\d\d)(?::?(\d\d))?)?$/;
const DAY = 86400;
const ISO = /^(\d{4})(-?)(\d\d)\2(\d\d)(?:[T ](\d\d)(?::?(\d\d)(?::?(\d\d(?:[.,]\d+)?))?)?(Z|([-+])(\d\d)(?::?(\d\d))?)?)?$/;

/** UNIX seconds of a text, `null` if it is no time: the grammar of `sisock_consumer.moments`, whose examples this is held to. */
export function parse(text, now = Date.now() / 1000) {
  const trimmed = text.trim();
  if (NUMBER.test(trimmed)) {
    const number = Number(trimmed);
    if (number <= 0) return bounded(now + number);
    return bounded(number >= EARLIEST_MILLISECONDS ? number / 1e3 : number);
  }
  if (trimmed === "now") return now;
  const relative = RELATIVE.exec(trimmed);
  if (relative) return bounded(now + Number(relative[1] + relative[2]) * UNITS[relative[3]]);
  return fromClock(trimmed, now) ?? fromIso(trimmed);
}

/** `03:00`, the last time that it was so; `yesterday`, `today 03:00`: as days are in the zone that it names, or UTC. */
function fromClock(text, now) {
  const found = CLOCK.exec(text);
  if (!found || (!found[1] && !found[2]) || (found[5] && !found[2])) return null;
  const [, day, hour = "0", minute = "0", second = "0", , sign, zoneHour = "0", zoneMinute = "0"] = found;
  if (Math.max(hour, zoneHour) >= 24 || Math.max(minute, zoneMinute, second) >= 60) return null;
  const ahead = (3600 * zoneHour + 60 * zoneMinute) * (sign === "-" ? -1 : 1);
  const midnight = DAY * Math.floor((now + ahead) / DAY) - ahead;
  const t = midnight + 3600 * hour + 60 * minute + Number(second);
  if (day === "yesterday" || (!day && t > now)) return t - DAY;
  return t;
}

/** Whether a text says how far from now, not when: it is to stay so in a view that follows the clock. */
export const isRelative = (text) => text === "now" || RELATIVE.test(text) || (NUMBER.test(text) && Number(text) <= 0);

/** The same moment in the form that addresses have: `now-3600s`, or UTC with its zone. */
export function canonical(text, now = Date.now() / 1000) {
  const trimmed = text.trim();
  if (trimmed === "now" || RELATIVE.test(trimmed)) return trimmed.replace(/^(?!now)/, "now").replace(/\s/g, "");
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

const FORMATS = new Map();
const OFFSETS = new Map();
const NAMES = new Map();
const MOST_OFFSETS = 500;
const QUARTER_S = 900; // no zone changes within one

/** Seconds by which clocks of a zone are ahead of UTC at a time: `utc`, `local` (this browser's), or a name such as America/Santiago. */
export function offset(t, zone) {
  if (zone === "utc" || !Number.isFinite(t)) return 0;
  if (zone === "local") return -60 * new Date(t * 1000).getTimezoneOffset();
  const key = `${zone} ${Math.floor(t / QUARTER_S)}`;
  if (!OFFSETS.has(key)) {
    if (OFFSETS.size > MOST_OFFSETS) OFFSETS.clear();
    if (!FORMATS.has(zone)) FORMATS.set(zone, new Intl.DateTimeFormat("en", { timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" }));
    const at = QUARTER_S * Math.floor(t / QUARTER_S);
    const part = Object.fromEntries(FORMATS.get(zone).formatToParts(new Date(at * 1000)).map(({ type, value }) => [type, Number(value)]));
    OFFSETS.set(key, Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute, part.second) / 1000 - at);
  }
  return OFFSETS.get(key);
}

/** Whether a browser knows a zone of that name. */
export function isZone(zone) {
  if (zone === "utc" || zone === "local") return true;
  try {
    return Boolean(new Intl.DateTimeFormat("en", { timeZone: zone }));
  } catch {
    return false;
  }
}

/** What clocks of a zone are called, in short: `UTC`, `CLT`, `GMT-4`. */
export function zoneName(zone, t = Date.now() / 1000) {
  if (zone === "utc") return "UTC";
  const key = `${zone} ${Math.floor(t / QUARTER_S)}`;
  if (NAMES.size > MOST_OFFSETS) NAMES.clear();
  if (!NAMES.has(key)) NAMES.set(key, nameOf(zone, t));
  return NAMES.get(key);
}

function nameOf(zone, t) {
  const options = { timeZoneName: "short", ...(zone === "local" ? {} : { timeZone: zone }) };
  return new Intl.DateTimeFormat("en", options).formatToParts(new Date(t * 1000)).find(({ type }) => type === "timeZoneName").value;
}

/** `2017-07-14 06:00:00`, with a fraction if `fine`. */
export function write(t, zone, fine = false) {
  const shifted = new Date((t + offset(t, zone)) * 1000);
  if (Number.isNaN(shifted.getTime())) return "";
  return shifted.toISOString().replace("T", " ").slice(0, fine ? 23 : 19);
}

/** As people may type it again: local time names its zone, for a time without one is UTC. */
export function typed(t, zone) {
  if (zone === "utc") return write(t, zone);
  const minutes = Math.round(offset(t, zone) / 60);
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

/** The name under which Intl knows a zone. */
export const zoneOf = (zone) => (zone === "utc" ? "Etc/UTC" : zone === "local" ? Intl.DateTimeFormat().resolvedOptions().timeZone : zone);
