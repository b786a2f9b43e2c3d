// The address of the page, and the times that it writes.
import assert from "node:assert/strict";
import test from "node:test";
import { age, write } from "./moments.js";
import { axisOf, isBeside, panelOf, ranged, read, write as address } from "./view.js";

const FIELDS = ["node::plain", "a,b::c%d", "n::x+y z", "n::k&l=m#o", "n::größe", "n::100%25"];

test("whatever a field is called, a link says what was shown", () => {
  const panels = [panelOf(FIELDS), panelOf(["second::one"], { log: true, low: 1e-7, high: 0.5 })];
  const view = { panels, from: "now-6h", to: "now", live: true, zone: "America/Santiago", theme: "dark", compare: "1w" };
  assert.deepEqual(read(address(view)), view);
});

test("plots beside the overview have an address; without a plot that is the overview", () => {
  const view = { ...read("?p=a::b"), page: "beside" };
  assert.equal(address(view), "?p=a::b&page=beside");
  assert.deepEqual([isBeside(read(address(view))), isBeside(read("?p=a::b")), isBeside(read("?page=beside"))], [true, false, false]);
  assert.equal(address({ ...view, panels: [] }), "");
});

test("a page without an address shows the last hour and no panel", () => {
  assert.deepEqual(read(""), { panels: [], from: "now-1h", to: "now", live: false, zone: "utc", theme: "", compare: "" });
  assert.equal(address(read("")), "");
});

test("a link that somebody wrote by hand is read", () => {
  assert.deepEqual(read("?p=a::b,c::100%").panels, [panelOf(["a::b", "c::100%"])]);
  assert.deepEqual(read("?p=a::b&y=0,log,soon,3&y=7,log,,&zone=Mars/Base&compare=1y").panels, [panelOf(["a::b"], { log: true, high: 3 })]);
  assert.deepEqual([read("?zone=Mars/Base").zone, read("?compare=1y").compare], ["utc", ""]);
});

test("a link of before that has one switch for all panels makes each logarithmic", () => {
  assert.deepEqual(read("?p=a::b&p=c::d&log=1").panels.map(({ log }) => log), [true, true]);
});

test("a difference has another axis than what it is of, for it is small beside that", () => {
  const [stage, difference] = ["n::stage", "=n::stage - n::shield"].map((field) => axisOf({ field, units: "K", type: "number" }));
  assert.deepEqual([stage, difference, axisOf({ field: "=mean(n::stage, 60 s)", units: "K" })], ["unit K", "difference unit K", "unit K"]);
});

test("a zoomed range ends the following and is exact", () => {
  const view = ranged({ ...read("?live=1"), panels: [] }, 1500000000.25, 1500000010);
  assert.deepEqual([view.from, view.to, view.live], ["2017-07-14T02:40:00.250Z", "2017-07-14T02:40:10Z", false]);
});

test("times are written in UTC or as the clocks here show", () => {
  const t = Date.UTC(2017, 6, 14, 6) / 1000;
  assert.equal(write(t, "utc"), "2017-07-14 06:00:00");
  assert.equal(write(t + 0.25, "utc", true), "2017-07-14 06:00:00.250");
  assert.equal(write(t, "America/Santiago"), "2017-07-14 02:00:00");
  assert.equal(write(t, "Asia/Kathmandu"), "2017-07-14 11:45:00");
});

test("ages are short", () => {
  assert.deepEqual([3, 120, 7200, 864000].map(age), ["3 s", "2 min", "2 h", "10 d"]);
});
