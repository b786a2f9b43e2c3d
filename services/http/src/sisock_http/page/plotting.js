// What uPlot is told to draw: axes, lines and bands of a panel; the same room beside all panels, so that they stand under each other.
import { colour, DASHES, PALETTES } from "./colours.js";
import { lanes } from "./lanes.js";
import { zoneOf } from "./moments.js";
import { caption, decades, exponentOf, labels } from "./ticks.js";
import uPlot from "./uplot.js";

export const MOST_AXES = 2;
export const FONT = "12px system-ui, sans-serif";
const LABEL = 18; // px of an axis' caption
const MOST_LETTERS = 12; // of a name beside its lane
const SHARED = uPlot.sync("sisock");
// For each step of the time axis: label, and what stands below it where year, day, minute change.
const DAY = "\n{YYYY}-{MM}-{DD}";
const LABELS = [
  [31536000, "{YYYY}", null, null, null, null, null, null, 1],
  [2419200, "{YYYY}-{MM}", null, null, null, null, null, null, 1],
  [86400, "{MM}-{DD}", "\n{YYYY}", null, null, null, null, null, 1],
  [60, "{HH}:{mm}", DAY, null, DAY, null, null, null, 1],
  [1, "{HH}:{mm}:{ss}", DAY, null, DAY, null, null, null, 1],
  [0.001, ":{ss}.{fff}", `${DAY} {HH}:{mm}`, null, `${DAY} {HH}:{mm}`, null, "\n{HH}:{mm}", null, 1],
];

/** Room beside the plots, the same for all, so that they stand under each other. */
export class Gutters {
  constructor() {
    this.wanted = new Map();
    this.due = false;
  }

  /** Room on a side (1 is right, 3 left), at least so many pixels of which `panel` needs. */
  room(panel, side, pixels) {
    const own = this.wanted.get(panel) ?? {};
    if (own[side] !== pixels) {
      this.wanted.set(panel, { ...own, [side]: pixels });
      this.settle();
    }
    return this.most(side);
  }

  most(side) {
    return Math.max(0, ...[...this.wanted.values()].map((own) => own[side] ?? 0));
  }

  forget(panel) {
    if (this.wanted.delete(panel)) this.settle();
  }

  settle() {
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => {
      this.due = false;
      for (const panel of this.wanted.keys()) panel.plot?.redraw(false, true);
    });
  }
}

/**
 * Options of the plot of a `panel` that shows `drawn` curves within a view; `hooks` are uPlot's, those of the panel.
 */
export function options(panel, drawn, view, start, end, hooks) {
  const style = getComputedStyle(document.documentElement);
  const [ink, faint] = [style.getPropertyValue("--ink"), style.getPropertyValue("--faint")];
  const axis = { stroke: ink, grid: { stroke: faint, width: 1 }, ticks: { stroke: faint, width: 1 }, font: FONT };
  const scales = { x: { time: true, min: start, max: end } };
  const axes = [{ ...axis, space: 70, ...(panel.last ? { values: LABELS } : { values: (_, splits) => splits.map(() => ""), size: 8, ticks: { show: false } }) }];
  const series = [{}];
  const bands = [];
  const current = drawn.filter(({ past }) => !past);
  const rows = current.filter(({ words }) => words);
  const both = new Set(drawn.map((one) => one.scale)).size > 1;
  drawn.forEach((one) => {
    const { answer, band, words, scale, past } = one;
    const i = one.place;
    const logarithmic = panel.shape.log && answer.type === "number";
    if (!scales[scale]) {
      scales[scale] = words ? { range: [0, 1] } : { distr: logarithmic ? 3 : 1, ...ranged(panel.shape, axes.length === 1, logarithmic) };
      const alone = current.filter((other) => other.scale === scale).length === 1;
      const side = axes.length === 1 ? 3 : 1;
      axes.push({ ...axis, scale, side, stroke: both || (alone && current.length > 1) ? colour(i) : ink,
        grid: { ...axis.grid, show: axes.length === 1 && !words }, labelSize: LABEL, labelFont: FONT,
        label: () => (words ? "" : caption(answer.units, logarithmic ? 0 : panel.exponents[scale])),
        size: (plot, values) => panel.gutters.room(panel, side, widest(plot, values)),
        ...(words ? { splits: () => rows.map((_, k) => 1 - (k + 0.5) / rows.length), values: () => rows.map(({ answer }) => clipped(answer.field)), ticks: { show: false }, gap: 8 }
          : { values: (_, splits) => ticks(panel, scale, splits, logarithmic) }) });
    }
    const line = {
      scale, stroke: past ? `${colour(i)}88` : colour(i), width: past ? 1 : 1.5, dash: past ? [3, 3] : DASHES[Math.floor(i / PALETTES.light.length) % DASHES.length],
      points: { show: answer.n < 3 && !past && !words ? true : undefined },
      ...(words ? { paths: () => null, points: { show: false } } : answer.type === "number" ? {} : { paths: uPlot.paths.stepped({ align: 1 }) }),
    };
    if (!band) {
      series.push(line);
      return;
    }
    series.push({ ...line, width: 1, points: { show: false } }, { ...line, width: 1, points: { show: false } });
    bands.push({ series: [series.length - 1, series.length - 2], fill: `${colour(i)}${past ? "22" : "55"}` });
  });
  const { gutters } = panel;
  const beside = () => (axes.length > MOST_AXES ? 0 : Math.max(16, gutters.most(1) && gutters.most(1) + LABEL));
  return {
    width: panel.width, height: panel.height, scales, axes, series, bands, padding: [10, beside, 0, 0],
    legend: { show: false },
    tzDate: view.zone === "local" ? undefined : (t) => uPlot.tzDate(new Date(t * 1000), zoneOf(view.zone)),
    cursor: { sync: { key: SHARED.key, setSeries: false }, drag: { x: true, y: false, setScale: false },
      bind: { dblclick: () => () => { panel.actions.back(); return null; } } },
    hooks: { ...hooks, drawAxes: rows.length ? [(plot) => lanes(plot, rows, { ink, mixed: rows.length < current.length })] : [] },
  };
}

/** The last part of a field's name, as long as there is room for it. */
function clipped(name) {
  const own = name.slice(name.indexOf("::") + 2);
  const leaf = own.slice(own.lastIndexOf(".") + 1).split("::").at(-1);
  return leaf.length > MOST_LETTERS ? `${leaf.slice(0, MOST_LETTERS - 1)}…` : leaf;
}

/** The scale that somebody chose for the first axis of a panel; what is left open follows the samples. */
function ranged({ low, high }, first, logarithmic) {
  if (!first || (low === null && high === null)) return {};
  return {
    range: (_, least, most) => {
      const [from, to] = least === null ? [0, 1] : logarithmic ? uPlot.rangeLog(least, most, 10, false) : uPlot.rangeNum(least, most, 0.1, true);
      return [low !== null && (!logarithmic || low > 0) ? low : Math.min(from, high ?? from), high ?? Math.max(to, low ?? to)];
    },
  };
}

function ticks(panel, scale, splits, logarithmic) {
  if (logarithmic) return panel.tell(scale, decades(splits));
  panel.exponents[scale] = exponentOf(splits);
  return panel.tell(scale, labels(splits, panel.exponents[scale]));
}

/** Pixels that the widest of some labels takes, with its tick. */
function widest(plot, values) {
  plot.ctx.save();
  plot.ctx.font = FONT;
  const most = Math.max(24, ...(values ?? []).map((value) => plot.ctx.measureText(value ?? "").width));
  plot.ctx.restore();
  return Math.ceil(most) + 16;
}
