// What watch said, put together from answers and changes.
import assert from "node:assert/strict";
import test from "node:test";
import { Watched } from "./watched.js";

const field = (name, state, holders = [name]) => ({ field: name, holders, state });
const told = (seq, fields, more = {}) => ({ watch: true, why: "", epoch: "a", seq, more: false, fields, nodes: [], ...more });

test("changes are taken into what is known already", () => {
  const watched = new Watched();
  watched.take(told(5, [field("n::x", "fresh"), field("n::y", "fresh", ["n::y", "old::y"])]));
  watched.take(told(6, [field("n::x", "silent")]));
  assert.deepEqual([watched.fields.get("n::x").state, watched.fields.get("old::y").state, watched.here], ["silent", "fresh", true]);
});

test("an answer that was overtaken by a newer one is passed over", () => {
  const watched = new Watched();
  watched.take(told(6, [field("n::x", "silent")]));
  watched.take(told(5, [field("n::x", "fresh")]));
  assert.equal(watched.fields.get("n::x").state, "silent");
});

test("another run of watch begins anew, and changes of it are not joined to the old ones", () => {
  const watched = new Watched();
  watched.take(told(600, [field("n::x", "silent"), field("n::y", "fresh")]));
  const other = told(3, [field("n::x", "fresh")], { epoch: "b" });
  assert.equal(watched.continues(other), false);
  watched.take(other);
  assert.deepEqual([watched.fields.get("n::x").state, watched.fields.size], ["fresh", 1]);
});

test("when watch is away nothing that it said is left", () => {
  const watched = new Watched();
  watched.take(told(5, [field("n::x", "fresh")]));
  watched.take({ watch: false, why: "nobody watches: the data node watch is not online", fields: [field("n::x", "unknown")] });
  assert.deepEqual([watched.here, watched.fields.size], [false, 0]);
  assert.match(watched.why, /not online/);
});
