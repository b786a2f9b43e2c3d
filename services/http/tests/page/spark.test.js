// The small curves of tiles.
import assert from "node:assert/strict";
import test from "node:test";
import { boundsOf, spark } from "./spark.js";

const drawn = (t, values, most = 100) => spark({ t, values }, 0, 100, 100, 10, most);

test("a curve reaches from its least to its greatest value, which are marked", () => {
  assert.deepEqual(drawn([0, 50, 100], [1, 3, 2]), { path: "M0 10L50 0L100 5", before: "", limits: [], low: 1, high: 3, marks: [[0, 10], [50, 0]] });
});

test("a pause is a gap, and what is no number is left out", () => {
  assert.equal(drawn([0, 10, 60, 70], [0, 1, 0, 1], 20).path, "M0 10L10 0M60 10L70 0");
  assert.equal(drawn([0, 10, 20], [0, NaN, 1]).path, "M0 10L20 0");
  assert.equal(drawn([0, 10], ["on", "off"]), null);
  assert.equal(drawn([], []), null);
});

test("a value that never changes is a line in the middle", () => {
  assert.deepEqual(drawn([0, 100], [5, 5]), { path: "M0 5L100 5", before: "", limits: [], low: 5, high: 5, marks: [[100, 5]] });
});

test("what is older than the curve is not drawn", () => assert.equal(drawn([-50, 50], [9, 1]).high, 1));

test("the day before is drawn to the same scale, and does not change what the extremes are", () => {
  const made = spark({ t: [0, 100], values: [1, 2] }, 0, 100, 100, 10, 100, { earlier: { t: [0, 100], values: [0, 1] } });
  assert.deepEqual([made.path, made.before, made.low, made.high], ["M0 5L100 0", "M0 10L100 5", 1, 2]);
});

test("a limit near the curve is a line, one far away would make the curve flat", () => {
  const bounds = boundsOf({ warning: { high: 2 }, alarm: { low: -100, high: 2.5 } });
  const made = spark({ t: [0, 100], values: [0, 2] }, 0, 100, 100, 10, 100, { bounds });
  assert.deepEqual(made.limits, [{ y: 2, tone: "amber" }, { y: 0, tone: "red" }]);
  assert.equal(made.path, "M0 10L100 2");
  assert.deepEqual(boundsOf(null), []);
});
