// What stands beside a field in the tree.
import assert from "node:assert/strict";
import test from "node:test";
import { patience, told } from "./freshness.js";
import { KINDS } from "./standing.js";

const now = 1000000;
const about = (kind, ago, more = {}) => told({ kind, value: 0.1149123, t: ago === null ? null : now - ago, since: null, why: "", sure: true, ...more }, now, KINDS);
const said = (...given) => about(...given).text;

test("a value stands with its age, and with the word of watch where that is a trouble", () => {
  assert.equal(said("fresh", 3), "0.1149 · 3 s");
  assert.equal(said("silent", 7200), "▲ 0.1149 · silent 2 h");
  assert.equal(said("late", 150), "◆ 0.1149 · late 3 min");
  assert.equal(said("alarm", 1), "▲ 0.1149 · out of limits");
  assert.equal(said("warning", 1), "◆ 0.1149 · near a limit");
  assert.equal(said("ahead", -20), "◆ 0.1149 · 20 s ahead");
});

test("where a stamp is in the future its age does not say how long nothing came", () => assert.equal(said("silent", -600), "▲ 0.1149 · silent"));

test("the age of what nobody judges is neutral", () => {
  for (const kind of ["archive", "unwatched"]) {
    assert.deepEqual([about(kind, 240).text, about(kind, 240).tone], ["0.1149 · 4 min", "grey"]);
  }
  assert.equal(said("archive", null), "archive");
});

test("what is not of lately is no value of now, but is told in the title", () => {
  assert.deepEqual([said("unknown", 75, { sure: false }), said("fresh", 75, { sure: false }), said("silent", 75, { sure: false })], ["not known", "fresh", "▲ silent"]);
  assert.equal(about("unknown", 75, { sure: false, why: "not answered lately" }).title, "not answered lately\nlast sample known: 0.1149, 75 s ago");
  assert.match(about("ahead", -20).title, /20 s ahead of the server's clock/);
});

test("a field that is gone says since when", () => {
  assert.deepEqual([said("gone", 300, { since: now - 180 }), said("gone", 300)], ["gone 3 min", "gone"]);
});

test("an age bar is as long as silence is told, or as a few beats of a rhythm", () => {
  assert.deepEqual([{ interval: 60 }, { interval: 1 }, { interval: 1, silent_after: 5 }, { interval: 1, silent_after: false }, { interval: null }].map(patience), [180, 60, 5, null, null]);
});
