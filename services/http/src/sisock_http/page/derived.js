// Curves of formulas: what they are made of, and what they come to. Of long ranges there are means of even bins, for
// extremes of two fields at different times have no difference.
import { parsed } from "./formula.js";
import { data } from "./server.js";
import { isReduced, usualStep } from "./series.js";

const BINS_OF = 4; // points for each bin
const MOST_STEPS = 3; // spacings without a sample over which no line is drawn

/** How long before a range samples are needed, seconds. */
export const leadOf = (names) => Math.max(0, ...names.map((name) => parsed(name)?.seconds ?? 0));

/** Samples of fields by name, so that formulas of them are right from `start` on; `width` is that of the bins whose means they are, or 0. */
export async function sources(fields, lead, start, end, points, signal) {
  const answers = await data(fields, start - lead, end, points, signal);
  const width = answers.some((answer) => isReduced(answer, points)) ? Math.max(1, Math.ceil((BINS_OF * (end - start + lead)) / points)) : 0;
  const found = width ? await data(fields, start - lead, end, 0, signal, [["bin", `${width}s`], ["of", "mean"]]) : answers;
  return new Map(found.map((answer, i) => [fields[i], { ...answer, field: fields[i], width, ...(width ? { t: Array.from(answer.t, (t) => t + width / 2), interval: width } : {}) }]));
}

/** The curve of a formula since `from`, as an answer of the server would have it; `found` are the samples of its fields. */
export function derived(name, found, from = -Infinity) {
  const formula = parsed(name);
  const made = { field: name, type: "number", units: null, interval: null, description: null, notice: "", n: 0, t: [], values: [] };
  const answers = formula?.fields.map((field) => found.get(field)) ?? [];
  if (!formula || answers.some((answer) => !answer)) return { ...made, notice: formula ? "" : `${name} is no formula.` };
  const [a, b = a] = answers;
  const notice = answers.map((answer) => answer.notice).find(Boolean) ?? (answers.some(({ type, n }) => n && type !== "number") ? `${name.slice(1)}: these are no numbers.` : "");
  if (notice && answers.some(({ type }) => type !== "number")) return { ...made, notice };
  const [times, all] = formula.kind === "mean" ? rolling(a, formula.seconds) : combined(a, b, formula.kind);
  const first = times.findIndex((moment) => moment >= from);
  const [t, values] = first < 0 ? [[], []] : [times.slice(first), all.slice(first)];
  return { ...made, notice, t, values, n: t.length, units: unitsOf(formula.kind, a.units, b.units), interval: a.interval,
    description: a.width ? `of means of ${a.width} s` : null };
}

function unitsOf(kind, a, b) {
  if (kind === "mean" || a === b) return kind === "/" ? null : a;
  return kind === "/" && (a || b) ? `${a || "1"}/${b || "1"}` : null;
}

/** Mean of the samples within so many seconds up to each; summed anew each time, since a huge one would leave its rounding. */
export function rolling({ t, values }, seconds) {
  const means = [];
  let first = 0;
  for (let i = 0; i < t.length; i++) {
    while (t[first] <= t[i] - seconds) first += 1;
    let [sum, count] = [0, 0];
    for (let k = first; k <= i; k++) if (isNumber(values[k])) [sum, count] = [sum + values[k], count + 1];
    means.push(count ? sum / count : null);
  }
  return [Array.from(t), means];
}

/** Difference or ratio at the times of `a`; `b` is a straight line between its samples, and ends where it has a gap. */
export function combined(a, b, kind) {
  const [times, values] = [[], []];
  const most = MOST_STEPS * Math.max(usualStep(b.t), b.interval ?? 0);
  let at = 0;
  for (let i = 0; i < a.t.length; i++) {
    while (at + 1 < b.t.length && b.t[at + 1] <= a.t[i]) at += 1;
    const other = between(b, at, a.t[i], most);
    times.push(a.t[i]);
    values.push(isNumber(a.values[i]) && other !== null && (kind === "-" || other) ? (kind === "-" ? a.values[i] - other : a.values[i] / other) : null);
  }
  return [times, values];
}

function between({ t, values }, at, moment, most) {
  if (!t.length || moment < t[at] || !isNumber(values[at])) return null;
  if (t[at] === moment) return values[at];
  if (at + 1 >= t.length || t[at + 1] - t[at] > most || !isNumber(values[at + 1])) return null;
  return values[at] + ((values[at + 1] - values[at]) * (moment - t[at])) / (t[at + 1] - t[at]);
}

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
