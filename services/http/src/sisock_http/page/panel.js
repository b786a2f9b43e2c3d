// One panel: a plot of some fields, its legend, its notices.
import uPlot from "./uplot.js";
import { data, wanted, address } from "./server.js";
import { columns, joined, pointsFor } from "./series.js";
import { write } from "./moments.js";
import { follow } from "./touch.js";

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

export class Panel {
  /** `actions`: `zoom(start, end)`, `back()`, `remove(field)`, `close()`, `choose()`. */
  constructor(actions) {
    this.actions = actions;
    this.names = [];
    this.shape = "";
    this.plot = null;
    this.asking = null;
    this.chips = element("span", { className: "chips" });
    this.csv = element("a", { className: "button", textContent: "CSV", title: "Every sample of this range", download: "sisock.csv" });
    const close = element("button", { textContent: "×", title: "Close this panel", ariaLabel: "Close panel", onclick: actions.close });
    this.note = element("p", { className: "note", hidden: true });
    this.area = element("div", { className: "plot" });
    this.root = element("section", { className: "panel", onpointerdown: actions.choose },
      element("div", { className: "bar" }, this.chips, this.csv, close), this.note, this.area);
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.area);
  }

  destroy() {
    this.asking?.abort();
    this.observer.disconnect();
    this.plot?.destroy();
    this.root.remove();
  }

  get width() {
    return Math.max(200, this.area.clientWidth);
  }

  resize() {
    const { width, height } = this;
    if (this.plot && (this.plot.width !== width || this.plot.height !== height)) this.plot.setSize({ width, height });
  }

  /** One panel fills the window, two share it, more are scrolled. */
  get height() {
    const beside = Math.min(2, this.root.parentElement?.childElementCount ?? 1);
    return Math.max(180, Math.min(560, Math.round((window.innerHeight - 90) / beside) - 120));
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

  draw(answers, view, start, end, points) {
    const drawn = answers.map((answer) => ({ answer, ...columns(answer, points, view.log) }));
    this.legend(answers);
    this.say([...new Set(answers.filter((answer) => answer.notice).map((answer) => answer.notice)),
      ...(answers.length && answers.every((answer) => !answer.n && !answer.notice) ? ["No samples in this range."] : [])]);
    this.root.dataset.samples = answers.reduce((sum, answer) => sum + answer.n, 0);
    const table = joined(drawn.map(({ table }) => table));
    const shape = JSON.stringify([drawn.map(({ answer, band, words }) => [answer.field, answer.units, band, words]),
      view.log, view.zone, document.documentElement.dataset.theme]);
    if (this.plot && shape === this.shape) {
      this.plot.setData(table, false);
      this.plot.setScale("x", { min: start, max: end });
      return;
    }
    this.shape = shape;
    this.plot?.destroy();
    this.plot = answers.length ? new uPlot(this.options(drawn, view, start, end), table, this.area) : null;
  }

  legend(answers) {
    this.chips.replaceChildren(...answers.map((answer, i) => element("span",
      { className: "chip", title: answer.description ?? "" },
      element("i", { style: `background:${colour(i)}` }),
      `${answer.field}${answer.units ? ` [${answer.units}]` : ""}`,
      element("button", { textContent: "×", ariaLabel: `Remove ${answer.field}`,
        onclick: () => this.actions.remove(answer.field) }))));
    if (!answers.length) this.chips.textContent = "Choose fields on the left.";
  }

  options(drawn, view, start, end) {
    const style = getComputedStyle(document.documentElement);
    const [ink, faint] = [style.getPropertyValue("--ink"), style.getPropertyValue("--faint")];
    const axis = { stroke: ink, grid: { stroke: faint, width: 1 }, ticks: { stroke: faint, width: 1 }, font: "12px system-ui, sans-serif" };
    const scaleOf = ({ answer, words }) => (words ? `text ${answer.field}` : answer.units || "-");
    const scales = { x: { time: true, min: start, max: end } };
    const axes = [{ ...axis, space: 70, values: LABELS }];
    const series = [{ value: (_, t) => (t === null ? "" : write(t, view.zone, end - start < 60)) }];
    const bands = [];
    drawn.forEach((one, i) => {
      const { answer, band, words } = one;
      const scale = scaleOf(one);
      if (!scales[scale]) {
        const logarithmic = view.log && answer.type === "number";
        scales[scale] = words ? { range: [-0.5, words.length - 0.5] } : { distr: logarithmic ? 3 : 1 };
        axes.push({ ...axis, scale, side: axes.length % 2 ? 3 : 1, size: words ? 90 : 64,
          label: words ? undefined : answer.units || undefined, labelSize: 18, labelFont: axis.font,
          grid: { ...axis.grid, show: axes.length === 1 },
          ...(words ? { splits: () => words.map((_, k) => k), values: (_, splits) => splits.map((k) => words[k] ?? "") } : {}) });
      }
      const line = {
        scale, stroke: colour(i), width: 1.5, dash: DASHES[Math.floor(i / PALETTES.light.length) % DASHES.length],
        value: (_, v) => (v === null || v === undefined ? "" : words ? words[v] : `${Number(v.toPrecision(7))}`),
        points: { show: answer.n < 3 ? true : undefined },
        ...(answer.type === "number" ? {} : { paths: uPlot.paths.stepped({ align: 1 }) }),
      };
      if (!band) {
        series.push({ ...line, label: answer.field });
        return;
      }
      series.push({ ...line, label: `${answer.field} least`, width: 1, points: { show: false } },
        { ...line, label: `${answer.field} greatest`, width: 1, points: { show: false } });
      bands.push({ series: [series.length - 1, series.length - 2], fill: `${colour(i)}55` });
    });
    return {
      width: this.width, height: this.height, scales, axes, series, bands,
      legend: { live: true },
      tzDate: view.zone === "utc" ? (t) => uPlot.tzDate(new Date(t * 1000), "Etc/UTC") : undefined,
      cursor: { sync: { key: SHARED.key, setSeries: false }, drag: { x: true, y: false, setScale: false },
        bind: { dblclick: () => () => { this.actions.back(); return null; } } },
      hooks: {
        ready: [(plot) => follow(plot, this.actions.zoom)],
        setSelect: [(plot) => this.selected(plot)],
      },
    };
  }

  selected(plot) {
    const { left, width } = plot.select;
    if (width < 3) return;
    const [from, to] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.actions.zoom(from, to);
  }
}
