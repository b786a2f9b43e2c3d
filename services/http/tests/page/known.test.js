// What is listed, put together from nodes and fields.
import assert from "node:assert/strict";
import test from "node:test";
import { Known } from "./known.js";

const field = (node, name, series = `${node}::${name}`) => ({ field: `${node}::${name}`, node, name, series });
const nobody = { here: false, fields: new Map() };

function listing() {
  const known = new Known();
  const [reader, feed] = [{ name: "reader", live: false }, { name: "feed", live: true }];
  known.fill([reader, feed], [field("reader", "a", "lab.A"), field("reader", "b"), field("feed", "a", "lab.A")], 100, true);
  return { known, reader, feed };
}

test("of the fields of one series the live node's stands for it", () => {
  assert.deepEqual([...listing().known.chosen(nobody)], ["feed::a", "reader::b"]);
});

test("a live node that has gone stands for its series still, until another live one has it", () => {
  const { known, reader } = listing();
  known.fill([reader], [field("reader", "a", "lab.A"), field("reader", "b")], 101, true);
  assert.deepEqual([...known.chosen(nobody)], ["feed::a", "reader::b"]);
  known.fill([reader, { name: "spare", live: true }], [field("reader", "b"), field("spare", "a", "lab.A")], 102, true);
  assert.deepEqual([...known.chosen(nobody)].sort(), ["reader::b", "spare::a"]);
});

test("watch's choice comes first", () => {
  const said = { field: "reader::a", holders: ["reader::a", "feed::a"] };
  const watched = { here: true, fields: new Map([["reader::a", said], ["feed::a", said]]) };
  assert.deepEqual([...listing().known.chosen(watched)], ["reader::a", "reader::b"]);
});

test("an event of a series is about all who have it, first the chosen one, and has a name for people", () => {
  const known = new Known();
  known.fill([{ name: "reader", live: false }, { name: "feed", live: true }], [field("reader", "a", "lab.A"), { ...field("feed", "a", "lab.A"), label: "Stage" }, field("feed", "b")], 100, true);
  const told = (target) => known.placed([{ target }], nobody).map(({ title, about }) => [title, ...about])[0];
  assert.deepEqual(told("lab.A"), ["feed · Stage", "feed::a", "reader::a"]);
  assert.deepEqual(told("feed::b"), ["feed · b", "feed::b"]);
  assert.deepEqual(told("feed"), ["feed", "feed::a", "feed::b"]);
  assert.deepEqual(told(""), [""]);
  assert.deepEqual(told("gone.B"), ["gone.B"]);
});
