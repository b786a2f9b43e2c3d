// Rows of the tree, and events of the stream, as text.
import assert from "node:assert/strict";
import test from "node:test";
import { condensed } from "./day.js";
import { advice } from "./advice.js";
import { eventsIn } from "./live.js";
import { concerns } from "./marks.js";
import { stretches } from "./lanes.js";
import { rowsOf } from "./tree.js";

const node = (name, ...fields) => ({ node: { name }, fields: fields.map((own) => ({ field: `${name}::${own}`, name: own, node: name })), gone: null });
const nodes = [node("cryo", "stage", "shield"), node("watch", "cryo::stage")];
const texts = new Map(nodes.flatMap(({ fields }) => fields.map(({ field }) => [field, field.toLowerCase()])));
const rows = (words, isOpen = () => true) => rowsOf(nodes, texts, words, isOpen).map(({ node: one, field }) => field?.field ?? one.node.name);

test("an open node is followed by its fields, a closed one stands alone", () => {
  assert.deepEqual(rows([], ({ node: { name } }) => name === "cryo"), ["cryo", "cryo::stage", "cryo::shield", "watch"]);
});

test("a search finds fields, not their states, unless these are what is looked for", () => {
  assert.deepEqual(rows(["stage"]), ["cryo", "cryo::stage"]);
  assert.deepEqual(rows(["watch", "stage"]), ["watch", "watch::cryo::stage"]);
  assert.deepEqual(rows(["nothing"]), []);
});

test("events of a stream are read whole, however it comes in pieces", () => {
  const text = ': here\n\nid: a:1\nevent: changes\ndata: {"seq":1}\n\nevent: samples\ndata: {"ser';
  const [events, rest] = eventsIn(text);
  assert.deepEqual(events, [["changes", { seq: 1 }]]);
  assert.deepEqual(eventsIn(`${rest}ies":[]}\n\n`)[0], [["samples", { series: [] }]]);
});

test("words last until another one comes, and end where nothing is known", () => {
  assert.deepEqual(stretches([1, 2, 3, 4, 5], [0, undefined, 1, null, 0], ["a", "b"]), [[1, 3, "a"], [3, 4, "b"], [5, Infinity, "a"]]);
});

test("an event is marked where its field, its node or the whole stack is plotted", () => {
  const told = (what, target, about = []) => concerns({ what, target, about }, ["cryo::stage"]);
  assert.deepEqual([told("silent", "cryo::stage"), told("went", "cryo"), told("note", ""), told("router_away", "")], [true, true, true, true]);
  assert.deepEqual([told("alarm", "lab.Stage", ["cryo::stage"]), told("alarm", "lab.Other", ["cryo::other"])], [true, false]);
  assert.deepEqual([told("silent", "cryo::shield"), told("went", "cry"), told("came", "")], [false, false, false]);
});

test("what is told again and again of one thing is one line", () => {
  const event = (t, what) => ({ t, what, target: "a::b" });
  const flapping = [1, 2, 3, 4, 5].flatMap((t) => [event(2 * t, "silent"), event(2 * t + 1, "fresh")]);
  assert.deepEqual(condensed(flapping).map(({ t, times }) => [t, times]), [[10, 5], [11, 5]]);
  assert.equal(condensed([event(1, "came"), event(2, "went")]).length, 2);
});

test("what to look at depends on whether the others of a node still come", () => {
  const one = (kind, name) => ({ kind, groups: [], field: { field: `cryo::${name}`, node: "cryo", interval: 1, type: "number" } });
  const silent = one("silent", "a");
  assert.match(advice(silent, [silent, one("fresh", "b")]), /this sensor/);
  assert.match(advice(silent, [silent, one("silent", "b")]), /nothing of cryo comes/);
  assert.match(advice({ ...silent, kind: "ahead" }, []), /clock/);
});
