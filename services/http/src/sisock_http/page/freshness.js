// What stands beside a field in a list: its last value, how old that is, and its state, as watch says it. Nothing is
// judged here.
import { age } from "./moments.js";
import { short } from "./ticks.js";

const FRESH_S = 60;
const BEATS = 3; // intervals without a sample that are no silence yet
const AHEAD_S = 1;
const SAID = { silent: "silent ", late: "late " }; // before an age
const MARKED = ["alarm", "warning", "silent", "late", "ahead"];

/** Seconds that an age bar is long; null of a field that has no rhythm. */
export const patience = ({ interval, silent_after: told }) => (told === false ? null : told ?? (interval ? Math.max(FRESH_S, BEATS * interval) : null));

/** A field's standing in few characters: `{text, title, state, tone}`; `kinds` are those of `standing`. */
export function told({ kind, value, t, since, why, sure }, now, kinds) {
  const { shape, word, tone } = kinds[kind];
  const shown = typeof value === "number" ? short(value) : `${value ?? "–"}`;
  const last = t === null ? "" : `last sample known: ${shown}, ${now < t ? `${age(t - now)} ahead of the server's clock` : `${age(now - t)} ago`}`;
  const title = [why, last].filter(Boolean).join("\n");
  const said = (text) => ({ text, title, state: kind, tone });
  if (kind === "gone") return said(since === null ? "gone" : `gone ${age(now - since)}`);
  const mark = MARKED.includes(kind) ? `${shape} ` : "";
  if (!sure || t === null) return said(`${mark}${word}`);
  if (kind === "ahead") return said(`${mark}${shown} · ${age(t - now)} ahead`);
  if (kind === "alarm" || kind === "warning") return said(`${mark}${shown} · ${word}`);
  // The age of a stamp in the future says nothing of how long nothing came.
  if (t > now + AHEAD_S) return said(`${mark}${shown} · ${word}`);
  return said(`${mark}${shown} · ${SAID[kind] ?? ""}${age(Math.max(0, now - t))}`);
}
