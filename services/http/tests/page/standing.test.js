// What the overview says of a field, and of all of them.
import assert from "node:assert/strict";
import test from "node:test";
import { missing, overall, shownOf, standing, tiles, together, worst } from "./standing.js";

const now = 1500000000;
const field = { field: "cryo::stage", node: "cryo", name: "stage", units: "K", interval: 1 };
const about = (more = {}) => standing({
  field, node: { name: "cryo", live: true }, sample: { time: now - 2, value: 1.011 }, told: 1, now, gone: null, known: true, watched: null, watching: true, ...more,
});
const said = (more) => ({ state: "fresh", since: now - 900, why: "", t: now - 1, value: 1.012, units: "K", groups: [], holders: [], ...more });
const clock = (t) => `${t - now}`;
const all = (kinds, more = {}) => overall({ all: kinds.map((kind) => ({ kind, field })), lost: [], away: "", watching: true, ...more }, clock);

test("where nobody watches there are values and ages, and no states", () => {
  const old = { sample: { time: now - 1800, value: 0.1 }, watching: false };
  assert.deepEqual([about(old).kind, about(old).value, about(old).sure, about(old).why], ["unwatched", 0.1, true, "nobody watches"]);
  assert.equal(about({ watching: false }).kind, "unwatched");
  assert.deepEqual([about({ watching: false, told: 75 }).kind, about({ watching: false, sample: undefined }).why], ["unknown", "not looked at yet"]);
  assert.deepEqual([about().kind, about().why], ["unknown", "watch does not say"]);
});

test("pauses of an archive are not judged, whether or not somebody watches", () => {
  const archive = { node: { name: "files", live: false, problem: "" }, sample: { time: now - 240, value: 2 } };
  const unknown = said({ state: "unknown", why: "an archive, which was not seen to grow", t: null });
  assert.deepEqual([about({ ...archive, watched: unknown }).kind, about({ ...archive, watched: unknown }).value], ["archive", 2]);
  assert.equal(about({ ...archive, watching: false }).kind, "archive");
  assert.equal(about({ ...archive, watched: said({ state: "silent" }) }).kind, "silent");
  assert.equal(about({ ...archive, node: { ...archive.node, problem: "it does not answer" }, watched: unknown }).kind, "unknown");
});

test("a stamp in the future is said to be ahead, by whoever it is known", () => {
  const ahead = { sample: { time: now + 20, value: 1 } };
  assert.equal(about({ ...ahead, watching: false }).why, "its newest sample is 20 s in the future");
  assert.equal(about({ ...ahead, watched: said({ why: "clock ahead: its newest sample is 20 s in the future" }) }).kind, "ahead");
  assert.equal(about({ ...ahead, watched: said({ state: "alarm" }) }).kind, "alarm");
});

test("how a field stands is what watch says", () => {
  const stands = about({ watched: said({ state: "alarm", why: "1.61 is above the alarm limit 1.5" }) });
  assert.deepEqual([stands.kind, stands.since, stands.why], ["alarm", now - 900, "1.61 is above the alarm limit 1.5"]);
  assert.equal(about({ watched: said({ state: "unknown", why: "the router is away" }) }).kind, "unknown");
  assert.equal(about({ watched: said({ state: "a word of later" }) }).kind, "unknown");
});

test("what nobody has is gone, but for what a node may have that came a moment ago", () => {
  const nobodys = { node: null, sample: undefined, watched: said({ state: "unknown", why: "cryo came a moment ago, without it", t: null }) };
  assert.equal(about(nobodys).kind, "gone");
  assert.deepEqual([about({ ...nobodys, coming: true }).kind, about({ ...nobodys, coming: true }).value], ["unknown", null]);
});

test("a value that the site counts in another unit is not shown with this one", () => {
  assert.equal(about({ watched: said() }).value, 1.012);
  assert.equal(about({ watched: said({ units: "mK", value: 1012 }) }).value, 1.011);
});

test("what cannot be known is not known, whatever was said before", () => {
  assert.equal(about({ known: false }).kind, "unknown");
  assert.equal(about({ known: false, watched: said() }).kind, "unknown");
  assert.equal(about({ told: 75, watched: said({ t: null }) }).sure, false);
});

test("a field of a node that is gone says since when and why", () => {
  assert.deepEqual([about({ gone: now - 60 }).kind, about({ gone: now - 60 }).why], ["gone", "cryo is away"]);
  const expected = about({ node: null, sample: undefined, watched: said({ state: "unknown", why: "expected by the site's file, and nobody has it" }) });
  assert.deepEqual([expected.kind, expected.why], ["gone", "expected by the site's file, and nobody has it"]);
});

test("all is well only if somebody watches and everything is known", () => {
  assert.deepEqual(all(["fresh", "fresh", "archive"]), { text: "2 live · 1 in archives", state: "well", tone: "grey", title: "sisock" });
  assert.equal(all(["fresh", "unknown"]).state, "part");
  const unwatched = all(["unwatched", "unwatched"], { watching: false });
  assert.deepEqual([unwatched.text, unwatched.state, unwatched.title], ["2 not watched", "part", "sisock"]);
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

test("a node of which nothing comes is one trouble, its fields by what came last", () => {
  const item = (name, kind, t, another = false) => ({ field: { node: name.split("::")[0], field: name }, kind, t, another });
  const [a, b, c] = [item("n::a", "silent", 5), item("n::b", "silent", 9), item("n::c", "silent", null)];
  const [x, y, z] = [item("m::x", "silent", 1), item("m::y", "fresh", 2), item("m::z", "silent", 3, true)];
  const own = new Map([["n", [a, b, c]], ["m", [x, y, z]]]);
  assert.deepEqual(together([a, x, b, c], own), [[b, a, c], [x]]);
  const two = new Map([["n", [a, b, item("n::old", "silent", 1, true)]]]);
  assert.deepEqual(together([a, b], two), [[a], [b]]);
});
