// What the tree and the top line say of fields.
import assert from "node:assert/strict";
import test from "node:test";
import { judge } from "./freshness.js";

const now = 1000000;
const about = (ago, more = {}) => judge({
  field: { interval: 1 }, sample: { time: ago === null ? null : now - ago, value: 0.1149123 }, told: 1, now, gone: false, known: true, ...more,
});
const said = (...given) => [about(...given).state, about(...given).text];

test("a sample is fresh as long as its field's rhythm lets one expect no other", () => {
  assert.deepEqual(said(3), ["fresh", "0.1149 · 3 s"]);
  assert.deepEqual(said(7200), ["silent", "0.1149 · silent 2 h"]);
  assert.deepEqual(said(150, { field: { interval: 60 } }), ["fresh", "0.1149 · 3 min"]);
  assert.deepEqual(said(7200, { field: { interval: null } }), ["old", "0.1149 · 2 h"]);
  assert.deepEqual(said(7, { field: { interval: 1, silent_after: 5 } }), ["silent", "0.1149 · silent 7 s"]);
});

test("a sample from the future is said to be ahead, not just now", () => {
  assert.deepEqual(said(-20), ["ahead", "0.1149 · 20 s ahead"]);
  assert.equal(about(-0.3).state, "fresh");
});

test("what is not known is never shown as if it were", () => {
  assert.deepEqual(said(75, { known: false }), ["unknown", "not known · 75 s"]);
  assert.deepEqual(said(75, { told: 74 }), ["unknown", "not known · 75 s"]);
  assert.match(about(75, { known: false }).title, /last sample: 0.1149, 75 s ago/);
  assert.equal(about(1, { sample: undefined }).state, "unknown");
  assert.deepEqual(said(70, { told: 20 }), ["unknown", "not known · 70 s"]);
  assert.equal(about(70, { told: 5 }).state, "silent");
});

test("a field of a node that is gone says so, whatever else is known", () => {
  assert.deepEqual(said(180, { gone: true }), ["gone", "gone · 3 min ago"]);
  assert.equal(about(1, { gone: true, sample: undefined, known: false }).state, "gone");
});

test("an archive is neither late nor fresh", () => assert.equal(about(null).state, "archive"));
