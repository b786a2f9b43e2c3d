// What the page makes of samples before it draws them.
import assert from "node:assert/strict";
import test from "node:test";
import { grown, columns, joined, pointsFor } from "./series.js";

const answer = (t, values, more = {}) => ({ type: "number", interval: null, t: Float64Array.from(t), values, n: t.length, ...more });
const grid = (n, step = 1) => Array.from({ length: n }, (_, i) => 1000 + i * step);

test("every sample is drawn where none was left out", () => {
  const { band, table } = columns(answer(grid(5), [1, 2, 3, 4, 5], { interval: 1 }), 100, false);
  assert.equal(band, false);
  assert.deepEqual(table, [grid(5), [1, 2, 3, 4, 5]]);
});

test("missing samples are a gap", () => {
  const { table } = columns(answer([0, 1, 2, 10, 11], [1, 2, 3, 4, 5], { interval: 1 }), 100, false);
  assert.deepEqual(table, [[0, 1, 2, 6, 10, 11], [1, 2, 3, null, 4, 5]]);
});

test("a gap is found without an interval, too", () => {
  const { table } = columns(answer([0, 1, 2, 3, 60], [1, 1, 1, 1, 1]), 100, false);
  assert.ok(table[1].includes(null));
});

test("an interval that is shorter than the samples' own makes no gaps", () => {
  const { table } = columns(answer(grid(20, 10), Array(20).fill(1), { interval: 1 }), 100, false);
  assert.ok(!table[1].includes(null));
});

test("no number is no value", () => {
  const { table } = columns(answer(grid(3), [1, NaN, 3], { interval: 1 }), 100, false);
  assert.deepEqual(table[1], [1, null, 3]);
});

test("a logarithm has no place for zero and less", () => {
  const { table } = columns(answer(grid(4), [-1, 0, 1, 2], { interval: 1 }), 100, true);
  assert.deepEqual(table[1], [null, null, 1, 2]);
});

test("what was reduced is a band from the least to the greatest value", () => {
  const points = pointsFor(20);
  const t = Array.from({ length: 40 }, (_, i) => i * 50);
  const values = t.map((_, i) => (i % 2 ? 10 + i : -i));
  const { band, table } = columns(answer(t, values, { interval: 1 }), points, false);
  const [times, low, high] = table;
  assert.equal(band, true);
  assert.equal(times.length, 20);
  assert.equal(Math.min(...low), Math.min(...values));
  assert.equal(Math.max(...high), Math.max(...values));
  assert.ok(low.every((value, i) => value <= high[i]));
});

test("a hole of many bins is a gap in the band", () => {
  const points = pointsFor(20);
  const t = [...Array.from({ length: 20 }, (_, i) => i * 10), ...Array.from({ length: 20 }, (_, i) => 1800 + i * 10)];
  const { band, table } = columns(answer(t, t.map(() => 1), { interval: 0.1 }), points, false);
  assert.equal(band, true);
  assert.equal(table[1].filter((value) => value === null).length, 1);
});

test("words are numbered in their order and keep their names", () => {
  const { words, table } = columns(answer(grid(4), ["on", "off", "on", "on"], { type: "string", interval: 1 }), 100, false);
  assert.deepEqual(words, ["off", "on"]);
  assert.deepEqual(table[1], [1, 0, 1, 1]);
});

test("yes and no are one and zero, in that place whatever there is of them", () => {
  const { words, table } = columns(answer(grid(3), [true, false, null], { type: "boolean", interval: 1 }), 100, true);
  assert.deepEqual(words, ["false", "true"]);
  assert.deepEqual(table[1], [1, 0, null]);
});

test("nothing at all is drawn as nothing", () => {
  assert.deepEqual(columns(answer([], []), 100, false).table, [[], []]);
});

test("a gap of one field stays whole where another has samples", () => {
  const holed = [[0, 1, 5, 9, 10], [1, 1, null, 1, 1]];
  const whole = [[2, 4, 6, 8], [7, 7, 7, 7]];
  const [t, first, second] = joined([holed, whole]);
  assert.deepEqual(t, [0, 1, 2, 4, 5, 6, 8, 9, 10]);
  assert.deepEqual(first, [1, 1, null, null, null, null, null, 1, 1]);
  assert.deepEqual(second.filter((value) => value !== undefined), [7, 7, 7, 7]);
  assert.deepEqual(joined([]), [[]]);
});

test("what comes later is put after what there is, once, and what is older than the range goes", () => {
  const answer = { field: "n::x", type: "number", t: Float64Array.from([1, 2, 3, 4]), values: [1, 2, 3, 4], n: 4 };
  const more = grown(answer, [4, 5, 6], [40, 5, 6], 3, 100);
  assert.deepEqual([more.t, more.values, more.n], [[2, 3, 4, 5, 6], [2, 3, 4, 5, 6], 5]);
  assert.deepEqual(grown({ ...answer, t: [], values: [] }, [7], ["on"], 3, 100).t, [7]);
});

test("a curve that grows for days stays small and keeps its extremes", () => {
  let answer = { field: "n::x", type: "number", t: [], values: [], n: 0 };
  for (let i = 0; i < 5000; i++) answer = grown(answer, [i], [i === 2500 ? 99 : i % 7], 0, 100);
  assert.ok(answer.n <= 201, `${answer.n}`);
  assert.equal(Math.max(...answer.values), 99);
  assert.deepEqual(answer.t, [...answer.t].sort((a, b) => a - b));
});
