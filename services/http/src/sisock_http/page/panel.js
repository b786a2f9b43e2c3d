// One panel: a plot of some fields, its legend, its notices.
import uPlot from "./uplot.js";
import { colour } from "./colours.js";
import { derived, leadOf, sources } from "./derived.js";
import { element } from "./element.js";
import { brief, fieldsOf, isFormula, nodesOf } from "./formula.js";
import { Marks } from "./marks.js";
import { write } from "./moments.js";
import { MOST_AXES, options } from "./plotting.js";
import { data } from "./server.js";
import { columns, grown, joined, pointsFor } from "./series.js";
import { short } from "./ticks.js";
import { follow } from "./touch.js";
import { axisOf, panelOf, shiftOf } from "./view.js";

const LEAST_HEIGHT = 120;
const LANE = 34; // px of a panel of lanes alone, each
const TOLD_FIELDS = 4; // so many have room for what they come to
const REACH = 200; // rows to look back for a sample, where fields have times of their own
const LEAST_BIN_S = 5;
const LANES_LAST = 3; // intervals for which a word is still thought to last

export class Panel {
  /** `actions`: `zoom(start, end)`, `back()`, `remove(field)`, `close()`, `choose()`, `split(groups)`, `menu(panel, button)`, `log()`. */
  constructor(gutters, actions) {
    this.gutters = gutters;
    this.actions = actions;
    this.shape = panelOf([]);
    this.form = "";
    this.plot = null;
    this.asking = null;
    this.last = true;
    this.kept = new Map(); // the answer of each field that was drawn last
    this.sources = new Map(); // what formulas are made of, by field
    this.past = [];
    this.away = new Set(); // nodes that are not here
    this.exponents = {};
    this.readouts = [];
    this.node = element("span", { className: "node" });
    this.chips = element("span", { className: "chips" });
    this.at = element("time", { className: "at" });
    this.log = element("button", { className: "quiet", textContent: "log", title: "Logarithmic (g)", onclick: actions.log });
    const more = element("button", { className: "quiet", textContent: "⋯", title: "Scale, save, copy", ariaLabel: "More of this panel", onclick: () => actions.menu(this, more) });
    const close = element("button", { className: "quiet", textContent: "×", title: "Close this panel", ariaLabel: "Close panel", onclick: actions.close });
    this.note = element("p", { className: "note", hidden: true });
    this.area = element("div", { className: "plot", tabIndex: 0, role: "group" });
    this.root = element("section", { className: "panel", onpointerdown: actions.choose, onfocusin: actions.choose },
      element("div", { className: "bar" }, this.chips, this.at, this.log, more, close), this.note, this.area);
    this.marks = new Marks((sentence) => this.hint(sentence));
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.area);
  }

  get names() {
    return this.shape.names;
  }

  /** Every field that its curves are made of. */
  get fields() {
    return [...new Set(this.names.flatMap(fieldsOf))];
  }

  /** Whether its formulas, of means of bins, are to be asked for anew. */
  get due() {
    const width = Math.max(0, ...[...this.sources.values()].map((one) => one.width));
    return width > 0 && performance.now() - this.asked > 1000 * Math.max(LEAST_BIN_S, width);
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

  /** All panels share the window, as long as each can still be read; lanes need little. */
  get height() {
    const beside = this.root.parentElement?.childElementCount ?? 1;
    const room = window.innerHeight - (this.root.parentElement?.offsetTop ?? 60) - 16;
    const frame = Math.max(44, this.root.offsetHeight - this.area.offsetHeight) + 10;
    const axis = this.last ? 30 : 0;
    const share = Math.max(LEAST_HEIGHT + axis, Math.min(640, Math.floor(room / beside) - frame));
    return this.lanes ? Math.min(share, LANE * Math.max(2, this.lanes) + 20 + axis) : share;
  }

  /** Ask for the fields of a view's range, and draw them. Fails as `server.data` does. */
  async show(shape, view, start, end) {
    this.shape = shape;
    this.log.ariaPressed = String(shape.log);
    this.asking?.abort();
    if (!shape.names.length) {
      this.past = [];
      this.draw([], view, start, end, 0);
      return;
    }
    if (this.plot) this.plot.setScale("x", { min: start, max: end });
    const asking = new AbortController();
    this.asking = asking;
    this.asked = performance.now();
    this.root.setAttribute("aria-busy", "true");
    const [plain, formulas] = [shape.names.filter((name) => !isFormula(name)), shape.names.filter(isFormula)];
    const points = pointsFor(this.width);
    const shift = shiftOf(view);
    try {
      const of = [...new Set(formulas.flatMap(fieldsOf))];
      const [answers, found, past] = await Promise.all([
        plain.length ? data(plain, start, end, points, asking.signal) : [],
        of.length ? sources(of, leadOf(formulas), start, end, points, asking.signal) : new Map(),
        shift && plain.length ? data(plain, start - shift, end - shift + (view.live ? end - start : 0), points, asking.signal) : [],
      ]);
      if (asking.signal.aborted) return;
      this.sources = found;
      this.past = past.filter(({ type, n }) => type === "number" && n).map((answer) => ({ ...answer, t: Array.from(answer.t, (t) => t + shift) }));
      this.draw(this.all(answers, start), view, start, end, points);
    } catch (error) {
      if (!asking.signal.aborted) throw error;
    } finally {
      if (this.asking === asking) this.root.removeAttribute("aria-busy");
    }
  }

  /** Take in samples that came since: `[field, times, values]` each. Whether there were any of ours. */
  append(news, start) {
    let any = false;
    for (const [name, t, values] of news) {
      const source = this.sources.get(name);
      if (source && !source.width && t.length) this.sources.set(name, grown(source, t, values, start - leadOf(this.names), pointsFor(this.width)));
      const answer = this.kept.get(name);
      if (!answer || !this.names.includes(name) || !t.length) continue;
      this.kept.set(name, grown({ ...answer, notice: "" }, t, values, start, pointsFor(this.width)));
      any = true;
    }
    return any;
  }

  /** Draw what there is already, in another range: time goes on. */
  redraw(view, start, end) {
    if (this.plot && !this.asking?.signal.aborted) this.draw(this.all([...this.kept.values()], start), view, start, end, pointsFor(this.width));
  }

  /** When the newest sample of each field was, by its name. */
  newest() {
    return this.fields.map((name) => [name, (this.kept.get(name) ?? this.sources.get(name))?.t.at(-1) ?? null]);
  }

  /** An answer for each of its names: those of fields, and what formulas come to. */
  all(answers, start) {
    const by = new Map(answers.map((answer) => [answer.field, answer]));
    return this.names.map((name) => (isFormula(name) ? derived(name, this.sources, start) : by.get(name))).filter(Boolean);
  }

  /** Say something above the plot, `calm` if nothing is wrong; nothing takes it away. */
  say(sentences, calm = false) {
    this.note.hidden = !sentences.length;
    this.note.textContent = sentences.join(" · ");
    this.note.classList.remove("hint");
    this.note.classList.toggle("calm", calm);
  }

  /** These nodes are not here: what was drawn of theirs is not of now. */
  lack(away) {
    const same = away.size === this.away.size && [...away].every((name) => this.away.has(name));
    this.away = away;
    if (!same) for (const readout of this.readouts) this.tellOf(readout);
  }

  hint(sentence) {
    this.say([sentence]);
    this.note.classList.add("hint");
  }

  /** What to draw of an answer: where there is none now, what was drawn stays. */
  remembered(answer) {
    const before = this.kept.get(answer.field);
    if (answer.n || !answer.notice) this.kept.set(answer.field, answer);
    else if (before) return { ...before, notice: answer.notice, stale: true };
    return answer;
  }

  draw(given, view, start, end, points) {
    const answers = given.map((answer) => (isFormula(answer.field) ? answer : this.remembered(answer)));
    for (const name of this.kept.keys()) if (!this.names.includes(name)) this.kept.delete(name);
    const axes = this.axesOf(answers);
    const groups = [...new Set(axes)].map((axis) => this.names.filter((_, i) => axes[i] === axis));
    if (groups.length > MOST_AXES) {
      this.actions.split(groups);
      return;
    }
    const place = (name) => this.names.indexOf(name);
    const drawn = [
      ...answers.map((answer, i) => ({ answer, scale: axes[i], place: i, ...columns(answer, points, this.shape.log), until: lasts(answer) })),
      ...this.past.map((answer) => ({ answer, scale: axes[answers.findIndex(({ field }) => field === answer.field)], place: place(answer.field), past: true, ...columns(answer, points, this.shape.log) })),
    ].filter(({ scale }) => scale);
    let column = 1;
    for (const one of drawn) {
      one.column = column;
      column += one.table.length - 1;
    }
    if (!this.note.classList.contains("hint")) {
      const notices = [...new Set(answers.filter((answer) => answer.notice).map((answer) => answer.notice))];
      const empty = answers.length > 0 && !notices.length && answers.every((answer) => !answer.n);
      this.say(empty ? ["No samples in this range."] : notices, empty);
    }
    this.root.dataset.until = Math.max(0, ...answers.map(({ t }) => t.at(-1) ?? 0));
    this.root.dataset.samples = answers.reduce((sum, answer) => sum + answer.n, 0);
    const table = joined(drawn.map(({ table: own }) => own));
    const current = drawn.filter(({ past }) => !past);
    this.lanes = current.length && current.every(({ words }) => words) ? current.length : 0;
    this.legend(current, view, end - start < 60);
    const form = JSON.stringify([drawn.map(({ answer, band, words, scale, past }) => [answer.field, answer.units, band, words, scale, past]),
      this.last, this.shape, view.zone, document.documentElement.dataset.theme]);
    if (this.plot && form === this.form) {
      for (const [i, one] of current.entries()) if (this.rows[i]) this.rows[i].until = one.until;
      this.plot.setData(table, false);
      this.plot.setScale("x", { min: start, max: end });
      return;
    }
    this.form = form;
    this.rows = current;
    this.plot?.destroy();
    this.gutters.forget(this);
    const hooks = {
      ready: [(plot) => follow(plot, this.actions.zoom, () => this.told)],
      setSelect: [(plot) => this.selected(plot)],
      setCursor: [(plot) => this.read(plot)],
      draw: [(plot) => this.marks.draw(plot)],
    };
    this.plot = answers.length ? new uPlot(options(this, drawn, view, start, end, hooks), table, this.area) : null;
    this.drawn = current;
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
    const nodes = nodesOf(drawn.map(({ answer }) => answer.field));
    const named = (name) => brief(name, nodes);
    this.moment = (t) => write(t, view.zone, fine);
    this.area.ariaLabel = `${drawn.map(({ answer }) => named(answer.field)).join(", ") || "nothing"}: arrows move the cursor`;
    const form = JSON.stringify([drawn.map(({ answer }) => [answer.field, answer.description, answer.units])]);
    if (form !== this.legendForm) {
      this.legendForm = form;
      this.node.textContent = nodes.length === 1 ? nodes[0] : "";
      this.readouts = drawn.map(({ answer }, i) => {
        const [readout, told] = [element("b", {}), element("small", {})];
        const chip = element("span", { className: "chip" }, element("i"), element("span", { textContent: named(answer.field) }), readout, told,
          element("button", { textContent: "×", ariaLabel: `Remove ${answer.field}`, onclick: () => this.actions.remove(answer.field) }));
        return { readout, told, chip, place: i, named: isFormula(answer.field) ? named(answer.field) : answer.field.slice(answer.field.lastIndexOf(".") + 1).split("::").at(-1) };
      });
      this.chips.replaceChildren(...(nodes.length === 1 ? [this.node] : []), ...this.readouts.map(({ chip }) => chip));
      if (!drawn.length) this.chips.textContent = "Choose fields on the left.";
    }
    drawn.forEach((one, i) => {
      const { answer, words, column, band } = one;
      const { chip } = Object.assign(this.readouts[i], { words, column, band, answer });
      this.readouts[i].sum = summed(one);
      chip.firstChild.style.background = colour(i);
      this.tellOf(this.readouts[i]);
    });
  }

  /** What a chip says beside its name. */
  tellOf({ answer, sum, chip, told }) {
    const stale = answer.stale || nodesOf([answer.field]).some((node) => this.away.has(node));
    chip.title = [answer.field, answer.description, answer.units, sum, answer.stale && answer.notice].filter(Boolean).join("\n");
    told.textContent = stale ? "not updated" : this.readouts.length <= TOLD_FIELDS ? sum : "";
    if (stale) chip.dataset.stale = true;
    else delete chip.dataset.stale;
  }

  /** Write the values under the cursor. */
  read(plot) {
    const { idx } = plot.cursor;
    const t = idx === null || idx === undefined ? null : plot.data[0][idx];
    this.at.textContent = t === null || t === undefined ? "" : this.moment(t);
    const values = [];
    for (const { readout, words, column, band, answer, named } of this.readouts) {
      const value = this.at.textContent ? valueAt(plot.data, column, band ? 2 : 1, idx, words) : "";
      readout.textContent = value;
      if (value) values.push(`${named} ${value} ${answer.units ?? ""}`.trim());
    }
    this.told = this.at.textContent ? { at: this.at.textContent, values } : null;
  }

  /** Move the cursor by so many samples; what it then says, in words. */
  step(by) {
    const { plot } = this;
    if (!plot?.data[0].length) return "";
    const { min, max } = plot.scales.x;
    const t = plot.data[0];
    const inside = (i) => t[i] >= min && t[i] <= max;
    let at = plot.cursor.idx ?? (by > 0 ? t.findIndex((_, i) => inside(i)) - 1 : t.findLastIndex((_, i) => inside(i)) + 1);
    at = Math.max(0, Math.min(t.length - 1, at + by));
    if (!inside(at)) return "";
    plot.setCursor({ left: plot.valToPos(t[at], "x"), top: plot.over.clientHeight / 2 });
    return this.told ? `${this.told.at}: ${this.told.values.join(", ")}` : "";
  }

  /** Labels are in the document, too, for those who cannot see the canvas. */
  tell(scale, written) {
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

/** Until when the last word of an answer is thought to last, UNIX seconds. */
function lasts({ t, interval, type, n }) {
  if (type === "number" || !n) return undefined;
  return Math.min(Date.now() / 1000, interval ? t[t.length - 1] + LANES_LAST * interval : Infinity);
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
  if (words) return "";
  let [least, most, sum, count] = [Infinity, -Infinity, 0, 0];
  const high = band ? table[2] : table[1];
  for (let i = 0; i < table[1].length; i++) {
    if (table[1][i] === null) continue;
    least = Math.min(least, table[1][i]);
    most = Math.max(most, high[i]);
    sum += table[1][i];
    count += 1;
  }
  if (!count) return "";
  const digits = Math.min(12, Math.max(4, 2 + Math.ceil(Math.log10(Math.max(Math.abs(least), Math.abs(most)) / (most - least || Infinity) || 1))));
  const mean = band ? [] : [`mean ${short(sum / count, digits)}`];
  return [`min ${short(least, digits)}`, ...mean, `max ${short(most, digits)}`].join(" · ");
}
