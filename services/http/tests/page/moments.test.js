// Times that people type and that no clock or calendar has.
import assert from "node:assert/strict";
import test from "node:test";
import { parse, rangeTrouble } from "./moments.js";

test("a day that the calendar does not have is no time", () => {
  for (const text of ["2017-11-31", "2017-02-29 06:00", "2017-13-01", "2017-11-31T00:00:00Z"]) assert.equal(parse(text, "utc"), null, text);
  assert.equal(parse("2016-02-29", "utc"), Date.UTC(2016, 1, 29) / 1000);
  assert.equal(parse("2017-11-30 23:59:59+02:00", "local"), Date.UTC(2017, 10, 30, 21, 59, 59) / 1000);
});

test("a range that cannot be shown is said in a sentence", () => {
  const said = (from, to, zone = "utc") => rangeTrouble({ from, to, zone }, 1.7e9);
  assert.equal(said("now-1h", "now"), "");
  assert.equal(said("2017-07-14", "2017-07-15"), "");
  assert.equal(said("2017-07-15", "2017-07-14"), "From (2017-07-15) is not before To (2017-07-14): choose another range.");
  assert.equal(said("now", "now"), "From (now) is not before To (now): choose another range.");
  assert.equal(said("2017-11-31", "now"), "From is not a time: 2017-11-31.");
  assert.equal(said("now-1h", "soon"), "To is not a time: soon.");
});
