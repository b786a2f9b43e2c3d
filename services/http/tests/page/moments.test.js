// Times that people type: the examples that Python's readers are held to, too.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { canonical, parse, rangeTrouble, typed } from "./moments.js";

const examples = JSON.parse(readFileSync(new URL("./moments.json", import.meta.url), "utf8"));

test("a moment is read as the grammar says, in every time zone", () => {
  for (const [text, t] of Object.entries(examples.moments)) assert.equal(parse(text, examples.now), t, text);
});

test("what is no moment is none", () => {
  for (const text of examples.no_moments) assert.equal(parse(text, examples.now), null, text);
});

test("what a link says is the moment that was typed, or as far from now", () => {
  const written = (text) => canonical(text, examples.now);
  assert.equal(written("2017-07-14 06:00"), "2017-07-14T06:00:00Z");
  assert.equal(written("1500012000250"), "2017-07-14T06:00:00.250Z");
  assert.equal(written("now - 6 h"), "now-6h");
  assert.equal(written("-3600"), "now-3600s");
  for (const [text, t] of Object.entries(examples.moments)) {
    if (Math.abs(t) < 1e10) assert.ok(Math.abs(parse(written(text), examples.now) - t) < 1e-3, text);
  }
});

test("what a field shows in any zone is read as the moment that it shows", () => {
  for (const t of [1500012000, 1484287200]) for (const zone of ["utc", "local"]) assert.equal(parse(typed(t, zone)), t, zone);
});

test("a range that cannot be shown is said in a sentence", () => {
  const said = (from, to) => rangeTrouble({ from, to }, 1.7e9);
  assert.equal(said("now-1h", "now"), "");
  assert.equal(said("2017-07-14", "2017-07-15"), "");
  assert.equal(said("2017-07-15", "2017-07-14"), "From (2017-07-15) is not before To (2017-07-14): choose another range.");
  assert.equal(said("now", "now"), "From (now) is not before To (now): choose another range.");
  assert.equal(said("2017-11-31", "now"), "From is not a time: 2017-11-31.");
  assert.equal(said("now-1h", "soon"), "To is not a time: soon.");
});
