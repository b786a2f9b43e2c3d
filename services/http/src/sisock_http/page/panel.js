// One panel: a plot of some fields, its legend, its notices.
import uPlot from "./uplot.js";
import { data, wanted, address } from "./server.js";
import { columns, joined, pointsFor } from "./series.js";
import { caption, decades, exponentOf, labels, short } from "./ticks.js";
import { write } from "./moments.js";
import { follow } from "./touch.js";
import { axisOf } from "./view.js";

// Okabe and Ito's colours, told apart by the colour-blind, too; dashes tell the rest.
const PALETTES = {
  light: ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#7f7f7f"],
  dark: ["#56b4e9", "#e69f00", "#009e73", "#f0e442", "#cc79a7", "#d55e00", "#ffffff", "#9aa4b0"],
};
const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3]];
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

const colour = (i) => {
  const palette = PALETTES[document.documentElement.dataset.theme];
  return palette[i % palette.length];
};

const element = (tag, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};

export const MOST_AXES = 2;
const FONT = "12px system-ui, sans-serif";
const LABEL = 18; // px of an axis' caption
const LEAST_HEIGHT = 120;
const TOLD_FIELDS = 4; // so many have room for what they come to
const REACH = 200; // rows to look back for a sample, where fields have times of their own

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

export class Panel {
  /** `actions`: `zoom(start, end)`, `back()`, `remove(field)`, `close()`, `choose()`, `split(groups)`. */
  constructor(gutters, actions) {
    this.gutters = gutters;
    this.actions = actions;
    this.names = [];
    this.shape = "";
    this.plot = null;
    this.asking = null;
    this.last = true;
    this.kept = new Map(); // the answer of each field that was drawn last
    this.exponents = {};
    this.readouts = [];
    this.node = element("span", { className: "node" });
    this.chips = element("span", { className: "chips" });
    this.at = element("time", { className: "at" });
    this.csv = element("a", { className: "button", textContent: "CSV", title: "Every sample of this range", download: "sisock.csv" });
    const close = element("button", { textContent: "×", title: "Close this panel", ariaLabel: "Close panel", onclick: actions.close });
    this.note = element("p", { className: "note", hidden: true });
    this.area = element("div", { className: "plot" });
    this.root = element("section", { className: "panel", onpointerdown: actions.choose },
      element("div", { className: "bar" }, this.chips, this.at, this.csv, close), this.note, this.area);
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.area);
  }

  destroy() {
    this.asking?.abort();
    this.observer.disconnect();
    this.plot?.destroy();
    this.plot = null;
    this.gutters.forget(this);
    this.root.remove();
  }

  get width() {
    return Math.max(200, this.area.clientWidth);
  }

  resize() {
    const { width, height } = this;
    if (this.plot && (this.plot.width !== width || this.plot.height !== height)) this.plot.setSize({ width, height });
  }

  /** Where it stands among the others: the last one has the time axis of all. */
  place(last) {
    this.last = last;
    this.resize();
  }

  /** All panels share the window, as long as each can still be read. */
  get height() {
    const beside = this.root.parentElement?.childElementCount ?? 1;
    const room = window.innerHeight - (this.root.parentElement?.offsetTop ?? 60) - 16;
    const frame = Math.max(44, this.root.offsetHeight - this.area.offsetHeight) + 10;
    return Math.max(LEAST_HEIGHT + (this.last ? 30 : 0), Math.min(640, Math.floor(room / beside) - frame));
  }

  /** Ask for the fields of a view's range, and draw them. Fails as `server.data` does. */
  async show(names, view, start, end) {
    this.names = names;
    this.csv.href = address("data", wanted(names, start, end, [["format", "csv"]]));
    this.csv.hidden = !names.length;
    this.asking?.abort();
    if (!names.length) {
      this.draw([], view, start, end, 0);
      return;
    }
    if (this.plot) this.plot.setScale("x", { min: start, max: end });
    const asking = new AbortController();
    this.asking = asking;
    this.root.setAttribute("aria-busy", "true");
    const points = pointsFor(this.width);
    try {
      const answers = await data(names, start, end, points, asking.signal);
      if (!asking.signal.aborted) this.draw(answers, view, start, end, points);
    } catch (error) {
      if (!asking.signal.aborted) throw error;
    } finally {
      if (this.asking === asking) this.root.removeAttribute("aria-busy");
    }
  }

  /** Say something above the plot; nothing takes it away. */
  say(sentences) {
    this.note.hidden = !sentences.length;
    this.note.textContent = sentences.join(" · ");
  }

  /** What to draw of an answer: where there is none now, what was drawn stays. */
  remembered(answer) {
    const before = this.kept.get(answer.field);
    if (answer.n || !answer.notice) this.kept.set(answer.field, answer);
    else if (before) return { ...before, notice: answer.notice, stale: true };
    return answer;
  }

  draw(given, view, start, end, points) {
    const answers = given.map((answer) => this.remembered(answer));
    for (const name of this.kept.keys()) if (!this.names.includes(name)) this.kept.delete(name);
    const axes = this.axesOf(answers);
    const groups = [...new Set(axes)].map((axis) => this.names.filter((_, i) => axes[i] === axis));
    if (groups.length > MOST_AXES) {
      this.actions.split(groups);
      return;
    }
    const drawn = answers.map((answer, i) => ({ answer, scale: axes[i], ...columns(answer, points, view.log) }));
    this.say([...new Set(answers.filter((answer) => answer.notice).map((answer) => answer.notice)),
      ...(answers.length && answers.every((answer) => !answer.n && !answer.notice) ? ["No samples in this range."] : [])]);
    this.root.dataset.samples = answers.reduce((sum, answer) => sum + answer.n, 0);
    const table = joined(drawn.map(({ table }) => table));
    this.legend(drawn, view, end - start < 60);
    const shape = JSON.stringify([drawn.map(({ answer, band, words, scale }) => [answer.field, answer.units, band, words, scale]),
      this.last, view.log, view.zone, document.documentElement.dataset.theme]);
    if (this.plot && shape === this.shape) {
      this.plot.setData(table, false);
      this.plot.setScale("x", { min: start, max: end });
      return;
    }
    this.shape = shape;
    this.plot?.destroy();
    this.gutters.forget(this);
    this.plot = answers.length ? new uPlot(this.options(drawn, view, start, end), table, this.area) : null;
    this.resize();
  }

  /** The axis of each answer; one of which nothing is known, since its node is away, goes with the first. */
  axesOf(answers) {
    const unknown = ({ n, notice, units }) => !n && notice && !units;
    const first = answers.find((answer) => !unknown(answer)) ?? answers[0];
    return answers.map((answer) => axisOf(unknown(answer) ? first : answer));
  }

  /** Chips are the legend: a name stands once, with the value under the cursor and what the range comes to. */
  legend(drawn, view, fine) {
    const nodes = new Set(drawn.map(({ answer }) => answer.field.split("::")[0]));
    const short = (name) => (nodes.size === 1 ? name.slice(name.indexOf("::") + 2) : name);
    this.node.textContent = nodes.size === 1 ? [...nodes][0] : "";
    let column = 1;
    this.readouts = drawn.map((one) => {
      const readout = element("b", {});
      const { words, band } = one;
      const found = { readout, words, column, band };
      column += one.table.length - 1;
      return found;
    });
    this.moment = (t) => write(t, view.zone, fine);
    this.chips.replaceChildren(...(nodes.size === 1 ? [this.node] : []), ...drawn.map((one, i) => {
      const { answer } = one;
      const told = summed(one);
      const chip = element("span",
        { className: "chip", title: [answer.field, answer.description, answer.units, told, answer.stale && answer.notice].filter(Boolean).join("\n") },
        element("i", { style: `background:${colour(i)}` }), element("span", { textContent: short(answer.field) }), this.readouts[i].readout,
        element("small", { textContent: answer.stale ? "not updated" : drawn.length <= TOLD_FIELDS ? told : "" }),
        element("button", { textContent: "×", ariaLabel: `Remove ${answer.field}`, onclick: () => this.actions.remove(answer.field) }));
      if (answer.stale) chip.dataset.stale = true;
      return chip;
    }));
    if (!drawn.length) this.chips.textContent = "Choose fields on the left.";
  }

  /** Write the values under the cursor. */
  read(plot) {
    const { idx } = plot.cursor;
    const t = idx === null || idx === undefined ? null : plot.data[0][idx];
    this.at.textContent = t === null || t === undefined ? "" : this.moment(t);
    for (const { readout, words, column, band } of this.readouts) {
      readout.textContent = this.at.textContent ? valueAt(plot.data, column, band ? 2 : 1, idx, words) : "";
    }
  }

  options(drawn, view, start, end) {
    const style = getComputedStyle(document.documentElement);
    const [ink, faint] = [style.getPropertyValue("--ink"), style.getPropertyValue("--faint")];
    const axis = { stroke: ink, grid: { stroke: faint, width: 1 }, ticks: { stroke: faint, width: 1 }, font: FONT };
    const scales = { x: { time: true, min: start, max: end } };
    const axes = [{ ...axis, space: 70, ...(this.last ? { values: LABELS } : { values: (_, splits) => splits.map(() => ""), size: 8, ticks: { show: false } }) }];
    const series = [{}];
    const bands = [];
    const both = new Set(drawn.map((one) => one.scale)).size > 1;
    drawn.forEach((one, i) => {
      const { answer, band, words, scale } = one;
      if (!scales[scale]) {
        const logarithmic = view.log && answer.type === "number";
        scales[scale] = words ? { range: [-0.5, words.length - 0.5] } : { distr: logarithmic ? 3 : 1 };
        const alone = drawn.filter((other) => other.scale === scale).length === 1;
        const side = axes.length === 1 ? 3 : 1;
        axes.push({ ...axis, scale, side, stroke: both || (alone && drawn.length > 1) ? colour(i) : ink,
          grid: { ...axis.grid, show: axes.length === 1 }, labelSize: LABEL, labelFont: FONT,
          label: () => caption(answer.units, words || logarithmic ? 0 : this.exponents[scale]),
          size: (plot, values) => this.gutters.room(this, side, widest(plot, values)),
          ...(words ? { splits: () => words.map((_, k) => k), values: (_, splits) => splits.map((k) => words[k] ?? "") }
            : { values: (_, splits) => this.ticks(scale, splits, logarithmic) }) });
      }
      const line = {
        scale, stroke: colour(i), width: 1.5, dash: DASHES[Math.floor(i / PALETTES.light.length) % DASHES.length],
        points: { show: answer.n < 3 ? true : undefined },
        ...(answer.type === "number" ? {} : { paths: uPlot.paths.stepped({ align: 1 }) }),
      };
      if (!band) {
        series.push(line);
        return;
      }
      series.push({ ...line, width: 1, points: { show: false } }, { ...line, width: 1, points: { show: false } });
      bands.push({ series: [series.length - 1, series.length - 2], fill: `${colour(i)}55` });
    });
    const beside = () => (axes.length > MOST_AXES ? 0 : Math.max(16, this.gutters.most(1) && this.gutters.most(1) + LABEL));
    return {
      width: this.width, height: this.height, scales, axes, series, bands, padding: [10, beside, 0, 0],
      legend: { show: false },
      tzDate: view.zone === "utc" ? (t) => uPlot.tzDate(new Date(t * 1000), "Etc/UTC") : undefined,
      cursor: { sync: { key: SHARED.key, setSeries: false }, drag: { x: true, y: false, setScale: false },
        bind: { dblclick: () => () => { this.actions.back(); return null; } } },
      hooks: {
        ready: [(plot) => follow(plot, this.actions.zoom)],
        setSelect: [(plot) => this.selected(plot)],
        setCursor: [(plot) => this.read(plot)],
      },
    };
  }

  ticks(scale, splits, logarithmic) {
    if (logarithmic) return this.told(scale, decades(splits));
    this.exponents[scale] = exponentOf(splits);
    return this.told(scale, labels(splits, this.exponents[scale]));
  }

  /** Labels are in the document, too, for those who cannot see the canvas. */
  told(scale, written) {
    this.area.dataset.ticks = JSON.stringify({ ...JSON.parse(this.area.dataset.ticks ?? "{}"), [scale]: written });
    return written;
  }

  selected(plot) {
    const { left, width } = plot.select;
    if (width < 3) return;
    const [from, to] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.actions.zoom(from, to);
  }
}

/** Pixels that the widest of some labels takes, with its tick. */
function widest(plot, values) {
  plot.ctx.save();
  plot.ctx.font = FONT;
  const most = Math.max(24, ...(values ?? []).map((value) => plot.ctx.measureText(value ?? "").width));
  plot.ctx.restore();
  return Math.ceil(most) + 16;
}

/** The value of a series at a row, or its last one before it where other fields have samples in between. */
function valueAt(table, column, count, row, words) {
  for (let i = row; i >= Math.max(0, row - REACH); i--) {
    const values = Array.from({ length: count }, (_, k) => table[column + k][i]);
    if (values[0] === undefined) continue;
    if (values[0] === null) return "";
    if (words) return words[values[0]] ?? "";
    const written = values.map((value) => short(value, 7));
    return written[0] === written.at(-1) ? written[0] : written.join(" … ");
  }
  return "";
}

/** Least, mean and greatest value; no mean of what was reduced to its extremes, for that would be another. */
function summed({ table, band, words }) {
  const low = table[1].filter((value) => value !== null);
  if (words || !low.length) return "";
  const high = band ? table[2].filter((value) => value !== null) : low;
  const [least, most] = [low.reduce((a, b) => Math.min(a, b)), high.reduce((a, b) => Math.max(a, b))];
  const digits = Math.min(12, Math.max(4, 2 + Math.ceil(Math.log10(Math.max(Math.abs(least), Math.abs(most)) / (most - least || Infinity) || 1))));
  const mean = band ? [] : [`mean ${short(low.reduce((a, b) => a + b) / low.length, digits)}`];
  return [`min ${short(least, digits)}`, ...mean, `max ${short(most, digits)}`].join(" · ");
}
