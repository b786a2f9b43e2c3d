// Formulas, and what they come to.
import assert from "node:assert/strict";
import test from "node:test";
import { combined, derived, leadOf, rolling } from "./derived.js";
import { brief, fieldsOf, isFormula, nodesOf, parsed, typed } from "./formula.js";

const curve = (t, values, more = {}) => ({ t, values, n: t.length, type: "number", units: "K", interval: null, notice: "", width: 0, ...more });
const made = (name, fields) => derived(name, new Map(Object.entries(fields)));

test("a formula is typed with letters or names, and kept with names", () => {
  const fields = ["n::x", "m::long name"];
  assert.equal(typed("a - b", fields), "=n::x - m::long name");
  assert.equal(typed("a/b", fields), "=n::x / m::long name");
  assert.equal(typed("= mean( a , 60 s )", fields), "=mean(n::x, 60 s)");
  assert.equal(typed("mean(b, 5m)", fields), "=mean(m::long name, 5 min)");
  assert.equal(typed("n::x-y − m::z", fields), "=n::x-y - m::z");
  for (const text of ["a - c", "a + b", "mean(a)", "mean(a, 0 s)", "", "stage - shield", "a"]) assert.equal(typed(text, fields), null, text);
});

test("a name says what it is made of", () => {
  assert.deepEqual(parsed("=n::x - m::long name"), { kind: "-", fields: ["n::x", "m::long name"], seconds: 0 });
  assert.deepEqual(parsed("=mean(n::x, 5 min)"), { kind: "mean", fields: ["n::x"], seconds: 300 });
  assert.deepEqual([parsed("n::x - m::y"), parsed("=n::x")], [null, null]);
  assert.deepEqual([fieldsOf("n::x - m::y"), fieldsOf("=n::x / m::y"), fieldsOf("=what")], [["n::x - m::y"], ["n::x", "m::y"], []]);
  assert.deepEqual([nodesOf(["n::x", "=mean(n::y, 1 s)"]), brief("=mean(n::y, 1 s)", ["n"]), isFormula("n::=x")], [["n"], "mean(y, 1 s)", false]);
  assert.equal(leadOf(["n::x", "=mean(n::x, 2 h)", "=n::x - n::y"]), 7200);
});

test("a difference is taken at the times of the first, of a line between samples of the second", () => {
  const b = curve([0, 10, 20], [0, 100, 0]);
  assert.deepEqual(combined(curve([0, 5, 10, 12, 20], [1, 1, 1, 1, 1]), b, "-"), [[0, 5, 10, 12, 20], [1, -49, -99, -79, 1]]);
});

test("where one of them has no sample, or a gap, there is no value", () => {
  const b = curve([10, 11, 12, 100, 101], [1, 2, null, 4, 5]);
  assert.deepEqual(combined(curve([9, 10, 11.5, 50, 101, 102], [1, 1, 1, 1, 1, 1]), b, "-")[1], [null, 0, null, null, -4, null]);
  assert.deepEqual(combined(curve([10, 11], [Number.NaN, null]), b, "-")[1], [null, null]);
  assert.deepEqual(combined(curve([1], [1]), curve([], []), "-")[1], [null]);
});

test("a ratio to nothing has no value", () => {
  assert.deepEqual(combined(curve([0, 1, 2], [1, 2, 3]), curve([0, 1, 2], [2, 0, -1]), "/")[1], [0.5, null, -3]);
});

test("a rolling mean is of the samples of so long before each", () => {
  assert.deepEqual(rolling(curve([0, 1, 2, 3, 10], [2, 4, 6, 8, 10]), 2)[1], [2, 3, 5, 7, 10]);
  assert.deepEqual(rolling(curve([0, 1, 2], [1, null, Number.NaN]), 1)[1], [1, null, null]);
});

test("a mean after a huge sample is exact again once that is past", () => {
  const [, means] = rolling(curve([0, 1, 2, 3, 4], [1e300, 1, 2, 3, 5]), 2);
  assert.deepEqual(means.slice(-2), [2.5, 4]);
});

test("what is asked for before a range, for a mean at its beginning, is not drawn", () => {
  const found = new Map([["n::a", curve([0, 1, 2, 3], [1, 2, 3, 4])]]);
  assert.deepEqual(derived("=mean(n::a, 2 s)", found, 2).values, [2.5, 3.5]);
  assert.equal(derived("=mean(n::a, 2 s)", found, 9).n, 0);
});

test("units follow from those of the fields", () => {
  const [kelvin, volt, bare] = [curve([0], [4]), curve([0], [2], { units: "V" }), curve([0], [2], { units: null })];
  assert.equal(made("=n::a - n::b", { "n::a": kelvin, "n::b": kelvin }).units, "K");
  assert.equal(made("=n::a / n::b", { "n::a": kelvin, "n::b": kelvin }).units, null);
  assert.equal(made("=n::a / n::b", { "n::a": kelvin, "n::b": volt }).units, "K/V");
  assert.equal(made("=n::a / n::b", { "n::a": bare, "n::b": volt }).units, "1/V");
  assert.equal(made("=n::a - n::b", { "n::a": kelvin, "n::b": volt }).units, null);
  assert.equal(made("=mean(n::a, 1 s)", { "n::a": kelvin }).units, "K");
});

test("what a formula cannot be made of is said", () => {
  const missing = curve([], [], { notice: "n is away" });
  assert.deepEqual([made("=n::a - n::b", { "n::a": curve([0], [1]), "n::b": missing }).notice, made("=n::a + n::b", {}).notice], ["n is away", "=n::a + n::b is no formula."]);
  assert.match(made("=mean(n::a, 1 s)", { "n::a": curve([0], ["on"], { type: "string" }) }).notice, /no numbers/);
  assert.equal(made("=mean(n::a, 1 s)", { "n::a": curve([0], [1], { width: 30 }) }).description, "of means of 30 s");
});
