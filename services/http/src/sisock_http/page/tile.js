// One tile: name, state, value, age, and 12 h as a small curve with yesterday's behind it.
import { drawn, element, set } from "./element.js";
import { patience } from "./freshness.js";
import { age } from "./moments.js";
import { boundsOf, spark } from "./spark.js";
import { isTrouble, KINDS } from "./standing.js";
import { short } from "./ticks.js";

export const SPARK_S = 12 * 3600;
export const SPARK_POINTS = 68; // two of each bin of two pixels, and both ends
const SPARK_SIZE = [66, 26];
const PAUSE_S = (6 * SPARK_S) / SPARK_POINTS;
const MOST_LETTERS = 6; // of a value in large figures
const MOST_DIGITS = 7;
const NO_VALUE = ["unknown", "gone"];

export const written = (value) => (typeof value === "number" ? short(value) : value === null || value === undefined ? "–" : String(value));

/** Both ends of a span, with as many digits as tell them apart. */
export function reach(low, high) {
  let digits = 3;
  while (digits < MOST_DIGITS && short(low, digits) === short(high, digits)) digits += 1;
  return `${short(low, digits)} … ${short(high, digits)}`;
}

export class Tile {
  /** `open(items)` is called for a tile that somebody wants to see. */
  constructor(open) {
    const made = (className, tag = "span") => element(tag, { className });
    Object.assign(this, { name: made("name"), word: made("word"), value: made("value"), which: made("which"), reach: made("reach"), bar: made("", "b") });
    this.field = "";
    this.items = [];
    this.svg = drawn("svg", { viewBox: `-3 -3 ${SPARK_SIZE[0] + 6} ${SPARK_SIZE[1] + 6}`, "aria-hidden": "true" });
    this.svg.append(drawn("path"));
    this.root = element("button", { className: "tile" }, this.name, this.word, this.value, this.svg, element("span", { className: "foot" }, this.which, this.reach), element("i", { className: "age" }, this.bar));
    this.root.addEventListener("click", () => open(this.items));
  }

  /** Write what it says: of `one` of its fields, and of the `bad` one, which is the worst of all. */
  dress(name, one, bad, now) {
    const { shape, word, tone } = KINDS[bad.kind];
    const blank = NO_VALUE.includes(one.kind) || one.value === null;
    const ago = one.t === null ? "" : age(Math.abs(now - one.t));
    this.field = one.field.field;
    for (const [key, value] of [["tone", tone], ["tile", name]]) if (this.root.dataset[key] !== value) this.root.dataset[key] = value;
    set(this.name, "textContent", name);
    set(this.word, "textContent", `${shape} ${word}`);
    const exact = written(one.value);
    const power = typeof one.value === "number" && exact.includes("·");
    const text = blank ? "–" : typeof one.value === "number" && exact.length > MOST_LETTERS ? short(one.value, 3) : exact;
    const units = blank || !one.field.units ? "" : one.field.units;
    const told = `${text} ${units}`;
    if (this.told !== told) {
      this.told = told;
      const letters = text.length + (power ? 0 : units.length);
      this.value.className = letters > MOST_LETTERS + 2 ? "value longest" : letters > MOST_LETTERS - 1 ? "value long" : "value";
      this.value.replaceChildren(text, ...(units && !power ? [element("small", { textContent: ` ${units}` })] : []));
    }
    const bads = this.items.filter(isTrouble).length;
    const others = this.items.length > 1 ? ` · ${bads ? `${bads} of ${this.items.length}` : `${this.items.length} fields`}` : "";
    set(this.which, "textContent", blank && one.value !== null ? `last ${written(one.value)}, ${ago} ago` : `${one.label}${power && units ? `, ${units}` : ""}${others}`);
    const limit = one.live ? patience(one.field) : null; // pauses of an archive say nothing
    const share = one.t === null || limit === null ? 0 : Math.min(1, Math.max(0, (now - one.t) / limit));
    const scale = `scaleX(${Math.floor(10 * share) / 10})`; // coarse, and no layout: hundreds of tiles do this each second
    if (this.bar.style.transform !== scale) this.bar.style.transform = scale;
    set(this.root, "title", [`${one.label}${one.t === null ? ": no sample within 30 days" : ""}`, one.why, this.about].filter(Boolean).join("\n"));
  }

  /** Draw the curve of its field; `known` is what is known of it, `{t, values, earlier}`. */
  draw(known, limits, now) {
    if (this.drawn === known && this.drawnOf === this.field) return;
    [this.drawn, this.drawnOf] = [known, this.field];
    const made = known?.t && spark(known, now - SPARK_S, now, ...SPARK_SIZE, PAUSE_S, { earlier: known.earlier, bounds: boundsOf(limits) });
    set(this.reach, "textContent", made && made.high > made.low ? reach(made.low, made.high) : "");
    this.about = made ? `12 h: ${short(made.low)} to ${short(made.high)}${made.before ? "; behind it the day before" : ""}` : "";
    this.svg.replaceChildren(
      ...(made?.limits ?? []).map(({ y, tone }) => drawn("line", { class: tone, x1: 0, x2: SPARK_SIZE[0], y1: y, y2: y })),
      ...(made?.before ? [drawn("path", { class: "before", d: made.before })] : []),
      drawn("path", made ? { class: "now", d: made.path } : {}),
      ...(made?.marks ?? []).map(([cx, cy]) => drawn("circle", { cx, cy, r: 1.8 })),
    );
  }
}
