// What is known of a field right now, as a state, in words, never in colour alone.
import { age } from "./moments.js";
import { short } from "./ticks.js";

const FRESH_S = 60;
const BEATS = 3; // intervals without a sample that are no silence yet
const STALE_S = 60; // an answer older than that tells nothing of now
const AHEAD_S = 1;

/** Seconds without a sample after which a field is silent; null where it has no rhythm to fall out of. */
export const patience = ({ interval, silent_after: told }) => (told === false ? null : told ?? (interval ? Math.max(FRESH_S, BEATS * interval) : null));

/**
 * State of a field: `fresh`, `old` (it has no rhythm), `silent`, `ahead` (its clock is), `archive`, `unknown`, `gone`.
 *
 * `sample` is its last one, undefined if nobody has answered yet; `told` the seconds since that was answered; `gone`
 * whether its node is; `known` whether anything can be known now.
 */
export function judge({ field, sample, told, now, gone, known }) {
  if (!sample) return { state: gone ? "gone" : "unknown", text: gone ? "gone" : known ? "" : "not known", title: "" };
  const value = typeof sample.value === "number" ? short(sample.value) : `${sample.value ?? "–"}`;
  const since = sample.time === null ? null : now - sample.time;
  const last = since === null ? "no sample within 30 days" : `last sample: ${value}, ${ago(since)}`;
  if (gone) return { state: "gone", text: since === null ? "gone" : `gone · ${ago(since)}`, title: last };
  if (!known || told > STALE_S) return { state: "unknown", text: since === null ? "not known" : `not known · ${age(since)}`, title: last };
  if (since === null) return { state: "archive", text: "archive", title: last };
  if (Math.round(-since) >= AHEAD_S) return { state: "ahead", text: `${value} · ${age(-since)} ahead`, title: `${last}: its clock is not this one` };
  const limit = patience(field);
  if (limit === null) return { state: since <= FRESH_S ? "fresh" : "old", text: `${value} · ${age(since)}`, title: last };
  // As of when it was told: what nobody has asked for since may have come.
  if (since > limit && since - told <= limit) return { state: "unknown", text: `not known · ${age(since)}`, title: last };
  return since <= limit
    ? { state: "fresh", text: `${value} · ${age(since)}`, title: last }
    : { state: "silent", text: `${value} · silent ${age(since)}`, title: last };
}

const ago = (since) => (Math.round(-since) >= AHEAD_S ? `${age(-since)} ahead of the clock here` : `${age(since)} ago`);
