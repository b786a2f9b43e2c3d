// From samples to what uPlot draws: gaps stay gaps, and what was reduced becomes a band.
import uPlot from "./uplot.js";

const GAPS_REACH = 2; // uPlot's name for it is NULL_EXPAND
const MOST_STEPS = 3; // spacings without a sample that still count as sampled

/** Points to ask for, for a plot of so many pixels: the server keeps two of each bin, and both ends. */
export const pointsFor = (pixels) => 2 * Math.max(20, Math.round(pixels)) + 2;

/**
 * Columns to draw of one answer.
 *
 * `table` is `[t, values]` or `[t, low, high]`; `band` tells which. Text, and yes and no, are numbers of `words`.
 */
export function columns(answer, points, log) {
  const { t } = answer;
  const words = wordsOf(answer);
  const values = words ? answer.values.map((word) => (word === null ? null : words.indexOf(String(word)))) : answer.values;
  const shown = (value) => (value === null || !Number.isFinite(Number(value)) || (log && !words && value <= 0) ? null : Number(value));
  if (answer.type === "number" && isReduced(answer, points)) {
    return { band: true, words, table: gapped(binned(t, values, shown, points), binWidth(t, points)) };
  }
  const table = [Array.from(t), Array.from(values, shown)];
  return { band: false, words, table: gapped(table, Math.max(answer.interval ?? 0, usualStep(t))) };
}

/** What the values of a field that has no numbers are called, in the order in which they are drawn. */
function wordsOf({ type, values }) {
  if (type === "number") return null;
  return type === "boolean" ? ["false", "true"] : [...new Set(values.filter((word) => word !== null))].sort();
}

/**
 * An answer with samples that came after it, of those since `start`; at most twice `points` stay, every extreme among them.
 */
export function grown(answer, t, values, start, points) {
  const last = answer.t.length ? answer.t[answer.t.length - 1] : -Infinity;
  const [times, kept] = [[], []];
  const take = (moment, value) => {
    times.push(moment);
    kept.push(value);
  };
  const first = Math.max(0, lowest(answer.t, start) - 1); // the line goes on to the left
  for (let i = first; i < answer.t.length; i++) take(answer.t[i], answer.values[i]);
  for (let i = 0; i < t.length; i++) if (t[i] > last) take(t[i], values[i]);
  const [some, theirs] = answer.type === "number" && times.length > 2 * points ? thinned(times, kept, points) : [times, kept];
  return { ...answer, t: some, values: theirs, n: some.length };
}

/** Where in ascending times the first one not before `start` is. */
function lowest(t, start) {
  let [low, high] = [0, t.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (t[middle] < start) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Least and greatest of even bins, in the order of time. */
function thinned(t, values, points) {
  const width = (t[t.length - 1] - t[0]) / Math.max(1, Math.floor(points / 2)) || 1;
  const [times, kept] = [[], []];
  for (let i = 0; i < t.length;) {
    const bin = Math.floor((t[i] - t[0]) / width);
    let [low, high] = [i, i];
    for (; i < t.length && Math.floor((t[i] - t[0]) / width) === bin; i++) {
      if (values[i] < values[low]) low = i;
      if (values[i] > values[high]) high = i;
    }
    for (const at of new Set([Math.min(low, high), Math.max(low, high)])) {
      times.push(t[at]);
      kept.push(values[at]);
    }
  }
  return [times, kept];
}

/** One table of several, each of times of its own; a gap of one reaches over the others' times within it. */
export function joined(tables) {
  return tables.length ? uPlot.join(tables, tables.map((table) => table.map(() => GAPS_REACH))) : [[]];
}

/** Whether the server had more samples than it sent: there are some in about every bin, and there were more. */
export function isReduced({ t, interval }, points) {
  if (t.length < 4) return false;
  if (interval && (t[t.length - 1] - t[0]) / interval <= points) return false;
  return usualStep(t) <= 1.5 * binWidth(t, points);
}

const binCount = (points) => Math.max(1, Math.floor((points - 2) / 2));

const binWidth = (t, points) => (t[t.length - 1] - t[0]) / binCount(points);

/** Least and greatest value of each of the server's bins, which are equal in time from first to last sample. */
function binned(t, values, shown, points) {
  const width = binWidth(t, points);
  const [times, low, high] = [[], [], []];
  let last = -1;
  for (let i = 0; i < t.length; i++) {
    const bin = Math.min(binCount(points) - 1, Math.floor((t[i] - t[0]) / width));
    const value = shown(values[i]);
    if (bin !== last) {
      times.push(t[0] + (bin + 0.5) * width);
      low.push(value);
      high.push(value);
      last = bin;
    } else if (value !== null) {
      const end = low.length - 1;
      low[end] = low[end] === null ? value : Math.min(low[end], value);
      high[end] = high[end] === null ? value : Math.max(high[end], value);
    }
  }
  return [times, low, high];
}

/** Median of the times between samples. */
export function usualStep(t) {
  const steps = new Float64Array(Math.max(0, t.length - 1));
  for (let i = 0; i < steps.length; i++) steps[i] = t[i + 1] - t[i];
  steps.sort();
  return steps.length ? steps[Math.floor(steps.length / 2)] : 0;
}

/** The same table with an empty row wherever samples are missing. */
function gapped(table, step) {
  const most = MOST_STEPS * step;
  const [times] = table;
  const made = table.map(() => []);
  for (let i = 0; i < times.length; i++) {
    if (i && most > 0 && times[i] - times[i - 1] > most) {
      made[0].push((times[i] + times[i - 1]) / 2);
      for (let c = 1; c < made.length; c++) made[c].push(null);
    }
    table.forEach((column, c) => made[c].push(column[i]));
  }
  return made;
}
