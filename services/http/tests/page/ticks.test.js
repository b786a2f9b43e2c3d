// Labels beside an axis.
import assert from "node:assert/strict";
import test from "node:test";
import { caption, decades, exponentOf, labels, short } from "./ticks.js";

const from = (first, step, n = 5) => Array.from({ length: n }, (_, i) => first + i * step);

test("ticks have as many digits as their distance needs, and no more", () => {
  assert.deepEqual(labels(from(1.0105, 0.0005, 4)), ["1.0105", "1.0110", "1.0115", "1.0120"]);
  assert.deepEqual(labels(from(0, 50)), ["0", "50", "100", "150", "200"]);
  assert.deepEqual(labels(from(-1, 0.5)), ["-1.0", "-0.5", "0.0", "0.5", "1.0"]);
  assert.deepEqual(labels(from(38, 0.25, 3)), ["38.00", "38.25", "38.50"]);
});

test("small and large numbers are counted in a power, which stands beside the unit, once", () => {
  const splits = from(8e-6, 1e-6);
  assert.deepEqual([exponentOf(splits), labels(splits)], [-6, ["8", "9", "10", "11", "12"]]);
  assert.equal(caption("mbar", -6), "10⁻⁶ mbar");
  assert.equal(caption(null, 9), "× 10⁹");
  assert.equal(caption("K", 0), "K");
  assert.equal(exponentOf(from(0, 0)), 0);
});

test("ticks that differ never have equal labels", () => {
  for (const middle of [0, 1, 1.011, -38, 1e-5, 273.15, 1013.25, 1.5e9, 3e8, 7e-12]) {
    for (let size = -12; size <= 6; size++) {
      for (const mantissa of [1, 2, 2.5, 5]) {
        const step = mantissa * 10 ** size;
        const splits = from(Math.round(middle / step) * step, step, 6);
        if (new Set(splits).size < splits.length || (middle && step < 1e-13 * Math.abs(middle))) continue;
        const written = labels(splits);
        assert.equal(new Set(written).size, splits.length, `${middle} ${step}: ${written}`);
      }
    }
  }
});

test("one tick alone has a label", () => {
  assert.deepEqual(labels([5]), ["5"]);
  assert.deepEqual(labels([0]), ["0"]);
  assert.deepEqual(labels([]), []);
});

test("decades are powers where these are shorter", () => {
  assert.deepEqual(decades([1e-6, 0.01, 1, 100, 1e5, 2e-7, null]), ["10⁻⁶", "0.01", "1", "100", "10⁵", "2·10⁻⁷", ""]);
});

test("a value is short and never zero unless it is", () => {
  assert.deepEqual([1.2345678e-5, 0, 0.1149123, 38.2, -3e9, 123456].map((value) => short(value)), ["1.235·10⁻⁵", "0", "0.1149", "38.2", "-3·10⁹", "123500"]);
});
