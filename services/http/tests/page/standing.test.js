// What the overview says of a field, and of all of them.
import assert from "node:assert/strict";
import test from "node:test";
import { missing, overall, shownOf, standing, tiles, worst } from "./standing.js";

const now = 1500000000;
const field = { field: "cryo::stage", node: "cryo", name: "stage", units: "K", interval: 1 };
const about = (more = {}) => standing({
  field, node: { name: "cryo", live: true }, sample: { time: now - 2, value: 1.011 }, told: 1, now, gone: null, known: true, watched: null, ...more,
});
const said = (more) => ({ state: "fresh", since: now - 900, why: "", t: now - 1, value: 1.012, units: "K", groups: [], holders: [], ...more });
const clock = (t) => `${t - now}`;
const all = (kinds, more = {}) => overall({ all: kinds.map((kind) => ({ kind, field })), lost: [], away: "", watching: true, ...more }, clock);

test("with nobody watching, silence is judged by the last sample, and said in words", () => {
  assert.equal(about().kind, "fresh");
  const silent = about({ sample: { time: now - 1800, value: 0.1 } });
  assert.deepEqual([silent.kind, silent.since, silent.why], ["silent", now - 1800, "nothing came for 30 min; due each 1 s"]);
  assert.equal(about({ sample: { time: now + 20, value: 1 } }).kind, "ahead");
});

test("what watch says goes before what this page would judge", () => {
  const stands = about({ watched: said({ state: "alarm", why: "1.61 is above the alarm limit 1.5" }) });
  assert.deepEqual([stands.kind, stands.since, stands.why], ["alarm", now - 900, "1.61 is above the alarm limit 1.5"]);
  assert.equal(about({ watched: said({ state: "unknown", why: "the router is away" }) }).kind, "unknown");
  assert.equal(about({ watched: said({ state: "a word of later" }) }).kind, "unknown");
});

test("a value that the site counts in another unit is not shown with this one", () => {
  assert.equal(about({ watched: said() }).value, 1.012);
  assert.equal(about({ watched: said({ units: "mK", value: 1012 }) }).value, 1.011);
});

test("what cannot be known is not known, whatever was said before", () => {
  assert.equal(about({ known: false }).kind, "unknown");
  assert.equal(about({ known: false, watched: said() }).kind, "unknown");
  assert.equal(about({ told: 75 }).kind, "unknown");
  assert.equal(about({ sample: undefined }).why, "not looked at yet");
});

test("a field of a node that is gone says since when and why", () => {
  assert.deepEqual([about({ gone: now - 60 }).kind, about({ gone: now - 60 }).why], ["gone", "cryo is away"]);
  const expected = about({ node: null, sample: undefined, watched: said({ state: "unknown", why: "expected by the site's file, and nobody has it" }) });
  assert.deepEqual([expected.kind, expected.why], ["gone", "expected by the site's file, and nobody has it"]);
});

test("all is well only if somebody watches and everything is known", () => {
  assert.deepEqual(all(["fresh", "fresh", "archive"]), { text: "2 live · 1 in archives", state: "well", tone: "grey", title: "sisock" });
  assert.equal(all(["fresh", "unknown"]).state, "part");
  assert.equal(all(["fresh"], { watching: false }).state, "part");
  assert.equal(all([]).state, "part");
});

test("the top line counts, the title says how many are in trouble", () => {
  const lost = [{ name: "cryo", since: now - 60 }];
  const told = overall({ all: [{ kind: "gone", field }, ...["silent", "fresh"].map((kind) => ({ kind, field: { node: "b" } }))], lost, away: "", watching: true }, clock);
  assert.deepEqual(told, { text: "1 live · 1 silent · 1 node lost since -60", state: "trouble", tone: "red", title: "2 ▲ sisock" });
  assert.deepEqual([all(["late", "fresh"]).title, all(["late", "fresh"]).tone], ["1 ◆ sisock", "amber"]);
  const away = all(["unknown", "unknown"], { away: "server away" });
  assert.deepEqual(away, { text: "server away · nothing is known", state: "away", tone: "hatched", title: "? sisock" });
});

test("a tile is a group of the site's file, or a node's fields that are in none", () => {
  const item = (node, name, groups = [], kind = "fresh") => ({ field: { node, field: `${node}::${name}` }, groups, kind });
  const made = tiles([item("0", "v", [], "archive"), item("b", "x"), item("a", "y", ["Cryostat"]), item("a", "z"), item("b", "w")]);
  assert.deepEqual(made.map(({ name, items }) => [name, items.length]), [["Cryostat", 1], ["a", 1], ["b", 2], ["0", 1]]);
});

test("a tile shows its worst field, else the same one as before", () => {
  const item = (name, kind, value = 1) => ({ kind, value, field: { field: name } });
  const two = [item("a", "fresh", "text"), item("b", "fresh"), item("c", "fresh")];
  assert.equal(shownOf(two, "").field.field, "b");
  assert.equal(shownOf(two, "c").field.field, "c");
  assert.equal(shownOf([...two, item("d", "silent")], "c").field.field, "d");
  assert.equal(worst(two.concat(item("e", "unknown"))).kind, "unknown");
});

test("a node that only watch remembers is missing since its first field was", () => {
  const one = (field, state, since) => ({ field, state, since, why: "away" });
  const fields = [one("a::x", "unknown", 20), one("a::y", "unknown", 10), one("b::x", "unknown", 5), one("c::x", "fresh", 1), one("expected", "unknown", 1)];
  assert.deepEqual(missing(fields, new Set(["b"])), [{ name: "a", since: 10, why: "away" }]);
});
