// The quicklook page: holds the view, and lets overview, tree, panels and server follow it.
import { Controls } from "./controls.js";
import { DAY_S, Day } from "./day.js";
import { Desk } from "./desk.js";
import { set } from "./element.js";
import { brief, isFormula, nodesOf } from "./formula.js";
import { told } from "./freshness.js";
import { Known } from "./known.js";
import { Live } from "./live.js";
import { parse, rangeTrouble, write, zoneName } from "./moments.js";
import { Overview } from "./overview.js";
import { data, events, latest, Trouble } from "./server.js";
import { Stack } from "./stack.js";
import { KINDS } from "./standing.js";
import { Gate } from "./token.js";
import { inPieces, Tree } from "./tree.js";
import * as views from "./view.js";
import { Watched } from "./watched.js";

const FRESHNESS_MS = 15000;
const SETTLED_MS = 300; // after a scroll
const TICK_MS = 1000;
const SURVEY_MS = 4500; // between two looks at all fields where nothing is new
const SHORTEST_S = 0.01;
const CURVES_MS = 5000; // between two looks for tiles without a curve
const SOON_MS = 300;
const TILES_S = 5; // between two values of a tile
const EVENTS_MS = 60000;
const HAPPENED_MS = 3000; // from a change of states to a look at events
const MOST_EVENTS = 300;
const AROUND_S = 1800; // of an event is shown
const MOST_OPENED = 12; // fields of a tile that are plotted
const $ = (id) => document.getElementById(id);

const wide = matchMedia("(min-width: 1280px)"); // room for plots beside the overview
const night = matchMedia("(prefers-color-scheme: dark)");
const paper = matchMedia("print");

let view = views.read(location.search);
let explored = null; // what was plotted before the overview
let happened = [];
let freshnessTimer = 0;
const known = new Known();
const watched = new Watched();
const live = new Live(watched, { wants, took, status: (told) => stack.take(told), changed: said, lost: () => stack.watch() });
const stack = new Stack(known, live, { changed: noticed, listed });
const page = {
  get view() {
    return view;
  },
  get beside() {
    return isBeside();
  },
  get site() {
    return stack.zone;
  },
  placed: (events) => known.placed(events, watched),
  known, live, take, zoom, back, turn, range, copy, note, layouts: keep, troubles: walk, more,
  trouble: () => rangeTrouble(view), here: () => stack.here,
};
const desk = new Desk($("panels"), page);
page.desk = desk;
const overview = new Overview({ trouble: $("trouble"), troubles: $("troubles"), tiles: $("tiles") }, open);
overview.looked = () => live.want();
const day = new Day({ root: $("day"), strip: $("strip"), list: $("events") }, openAt, (start, end) => openRange(start, end));
const tree = new Tree($("tree"), $("search"), known, plot, () => freshenIn(SETTLED_MS));
const controls = new Controls(page);
const gate = new Gate(() => {
  stack.watch();
  live.begin();
});
$("token").addEventListener("click", () => gate.open());

// ---- what is shown

/** Take up a view: write it into the address and the controls, and ask for what it shows. Back leads out of what is to be remembered. */
function take(next, { remember = false, turned = false } = {}) {
  const kept = remember || views.isOverview(next) !== views.isOverview(view);
  if (!views.isOverview(view)) explored = view;
  view = next;
  if (!turned) {
    const depth = (history.state?.depth ?? 0) + kept;
    history[kept ? "pushState" : "replaceState"]({ depth }, "", views.write(view) || location.pathname);
  }
  dress();
  desk.refresh();
  live.want();
}

const isBeside = () => views.isBeside(view) && wide.matches;

/** Whether the overview is seen, with plots beside it or without. */
const isSeen = () => views.isOverview(view) || isBeside();

/** Where what is chosen on the overview is plotted. */
const besideIt = () => (isSeen() && wide.matches ? { page: "beside" } : {});

function back() {
  if (history.state?.depth) history.back();
}

function range() {
  const moment = stack.now;
  if (rangeTrouble(view, moment)) return [moment - 3600, moment]; // which is said; moving and zooming lead out of it
  return [parse(view.from, moment), parse(view.to, moment)];
}

function dress() {
  const dark = !paper.matches && (view.theme ? view.theme === "dark" : night.matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  const first = views.isOverview(view);
  $("overview").hidden = !isSeen();
  controls.dress(view, history.state?.depth);
  desk.dress();
  $("panels").dataset.empty = !view.panels.length && !first;
  const drawn = new Set(views.plotted(view));
  tree.mark(drawn);
  overview.mark(drawn);
  day.tell(page.placed(happened), stack.now, view.zone);
  notice();
}

// ---- what can be done

function zoom(start, end) {
  if (end - start < SHORTEST_S) return;
  take(views.ranged(view, start, end), { remember: true });
}

function plot(name, place) {
  view = { ...view, ...besideIt() };
  if (desk.plot(name, place)) offerArchive(name);
}

function more() {
  desk.chosen = view.panels.length;
  take({ ...view, panels: [...view.panels, views.panelOf([])] });
}

/** Plot the fields of a tile, each unit in a panel of its own, instead of what is shown. */
function open(names) {
  desk.chosen = 0;
  take({ ...views.overviewOf(view), ...besideIt(), panels: desk.panelsOf(names.slice(0, MOST_OPENED)) }, { remember: !isSeen() });
  if (names.length === 1) offerArchive(names[0]);
}

/** Plot what an event is about, around its time. */
function openAt({ t, target, until, about }) {
  const names = known.nodes.has(target) ? about : about.slice(0, 1);
  openRange(t - AROUND_S, Math.min((until ?? t) + AROUND_S, stack.now), names);
}

/** Show a range: of some fields, or of what was plotted last, or of what is in trouble. */
function openRange(start, end, names = []) {
  const troubled = overview.told?.flatMap(({ fields }) => fields ?? []).slice(0, MOST_OPENED) ?? [];
  const panels = names.length ? desk.panelsOf(names.slice(0, MOST_OPENED)) : view.panels.length ? view.panels : explored?.panels.length ? explored.panels : desk.panelsOf(troubled);
  take({ ...views.ranged({ ...views.overviewOf(view), panels }, start, end), page: "explore", ...besideIt() }, { remember: !isBeside() });
}

/** From the overview to the plots, or back. */
function turn() {
  const next = { ...(explored ?? view), zone: view.zone, theme: view.theme, page: "explore" };
  take(views.isOverview(view) ? next : views.overviewOf(view));
}

/** To the next trouble: its line on the overview, its curve among the plots. */
function walk(by) {
  const rows = [...document.querySelectorAll("#troubles button")];
  if (isSeen()) {
    const at = rows.indexOf(document.activeElement);
    rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.max(0, Math.min(rows.length - 1, at + by))]?.focus();
    return;
  }
  const troubles = overview.told.filter(({ fields }) => fields?.length);
  const at = troubles.findIndex(({ fields }) => fields.join() === views.plotted(view).join());
  const next = troubles[(at + by + troubles.length + (at < 0 && by < 0)) % troubles.length];
  if (next) open(next.fields);
}

/** A field without recent samples is of an archive: go to where its samples are. */
async function offerArchive(name) {
  if (views.plotted(view).length > 1 || !view.from.startsWith("now") || view.live) return;
  try {
    const last = known.last.get(name) ?? (await latest([name]))[0];
    if (last.time !== null) return;
    const [first] = await data([name], 1, stack.now, 2);
    if (first.n > 1 && views.plotted(view).join() === name) zoom(first.t[0], first.t[first.n - 1] + 1);
  } catch (error) {
    if (!(error instanceof Trouble)) throw error; // the panel says so already
  }
}

async function note() {
  if (!stack.state.notes) return;
  const { write: ask } = await import("./notes.js");
  const drawn = views.isOverview(view) ? null : desk.panel?.plot;
  const shown = Math.min(stack.now, drawn?.scales.x.max ?? Infinity); // what is beyond the edge is not seen
  const at = drawn?.data[0][drawn.cursor.idx] ?? shown;
  const names = views.isOverview(view) ? overview.told.flatMap(({ fields }) => fields ?? []) : views.shownFields(view);
  const targets = [...new Set(names.flatMap((name) => [name, name.split("::")[0]])), ...known.nodes.keys()];
  ask({ at, range: views.isOverview(view) ? null : range(), targets: [...new Set(targets)].slice(0, 60), zone: view.zone }, seen);
}

/** Show a note that was kept: the list that is told may not have it yet. */
async function seen(kept, tries = 10) {
  await Promise.all([tell(), desk.mark()]);
  const shown = views.isOverview(view) ? happened : desk.happened;
  if (tries && !shown.some((event) => event.id === kept.id)) setTimeout(seen, SOON_MS, kept, tries - 1);
}

async function keep() {
  const { layouts } = await import("./layouts.js");
  layouts(views.write(view), (query) => take(views.read(query), { remember: true }));
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    desk.panel?.hint("The link is copied.");
  } catch {
    desk.panel?.hint(text); // a page without https may not
  }
}

// ---- what the stack does meanwhile

function notice() {
  const online = new Set(stack.state.nodes.map((node) => node.name));
  const away = nodesOf(views.plotted(view)).filter((name) => !online.has(name));
  const sentence = stack.unreachable
    || rangeTrouble(view)
    || (!stack.state.router && "The router is away: nothing new can be read. This page goes on by itself as soon as it is back.")
    || (!stack.state.hub && "The hub is away: who is online is not known. This page goes on by itself as soon as it is back.")
    || (away.length && stack.at !== null && `${away.length > 1 ? "Data nodes" : "Data node"} ${away.join(", ")} ${away.length > 1 ? "are" : "is"} away.`)
    || "";
  $("notice").hidden = !sentence;
  set($("notice"), "textContent", sentence);
  for (const panel of desk.panels) panel.lack(new Set(stack.here ? away : []));
  $("write").hidden = !stack.state.notes;
  if (stack.refused !== !$("token").hidden) gate[stack.refused ? "open" : "close"]();
  $("token").hidden = !stack.refused;
  controls.zones(view.zone);
  tick();
  return stack.here && !away.length;
}

let well = true;
let watching = false;
let heard = 0;
let happenedTimer = null;
let surveyed = -Infinity;
function noticed() {
  const was = well;
  tree.say(stack.here ? "No data node is online." : "Who is online is not known.");
  well = notice();
  if (well && (!was || desk.failed.size) && desk.panels.length) desk.refresh();
}

/** Watch said something, or came or went: what it does not say is looked at by this page. */
function said() {
  if (watched.here !== watching) freshenIn(0);
  if (watched.seq !== heard) happenedTimer ??= setTimeout(() => { happenedTimer = null; tell(); }, HAPPENED_MS);
  [watching, heard] = [watched.here, watched.seq];
  tick();
}

function listed() {
  tree.fill();
  freshenIn(0);
}

/** Ages grow by the clock here, whoever is away; now and then, and with `news`, all is looked at anew. */
function tick(news = true) {
  const whole = news || performance.now() - surveyed > SURVEY_MS;
  if (whole) surveyed = performance.now();
  for (const panel of desk.panels) panel.resize(); // a notice may have come or gone
  const { now, sure, away } = stack;
  const at = performance.now() / 1000;
  tree.tick((name) => told(known.stands(name, { watched, now, at, sure }), now, KINDS));
  const all = overview.tick({ known, watched, now, at, sure, away, zone: view.zone, shown: isSeen(), news: whole });
  live.want();
  if (stack.at === null && !away) return;
  set($("stack"), "textContent", all.text);
  for (const [name, value] of [["state", all.state], ["tone", all.tone]]) if ($("stack").dataset[name] !== value) $("stack").dataset[name] = value;
  set($("stack"), "title", away || all.state !== "part" ? "" : "Not everything is known");
  const local = view.zone === "utc" ? stack.zone || "local" : view.zone;
  set($("utc"), "textContent", `${write(now, "utc").slice(0, 19)} UTC`);
  set($("local"), "textContent", zoneName(local) === "UTC" ? "" : `${write(now, local).slice(11, 19)} ${zoneName(local)}${local === stack.zone ? " (site)" : ""}`);
  set($("watching"), "textContent", watched.here || away ? "" : `${watched.why}: here are values and ages, how fields are is not known`);
  const plotted = views.plotted(view);
  const names = plotted.map((name) => (isFormula(name) ? brief(name, nodesOf(plotted)) : name.split("::")[1] ?? name));
  set(document, "title", !names.length ? all.title : `${all.title.replace("sisock", "").trim()} ${names.slice(0, 3).join(", ")}${names.length > 3 ? "…" : ""} · sisock`.trim());
  const icon = $("icon").href.replace(/icon[^/]*$/, `icon${all.state === "trouble" || all.state === "away" ? `-${all.tone}` : ""}.svg`);
  if ($("icon").href !== icon) $("icon").href = icon;
}

/** Samples that are wanted as they come: the newest of what tiles show, or all of what is plotted live. */
function wants() {
  const plotted = desk.wants();
  if (!isSeen()) return { fields: plotted, every: 1, newest: false };
  const drawn = new Set(plotted.map(([name]) => name));
  return { fields: [...plotted, ...overview.due().filter((name) => !drawn.has(name)).map((name) => [name, null])], every: TILES_S, newest: !plotted.length };
}

function took(series) {
  const at = performance.now() / 1000;
  known.take(series.filter(([, t]) => t.length).map(([field, t, values]) => ({ field, time: t.at(-1), value: values.at(-1) })), at);
  if (!views.isOverview(view)) desk.take(series);
  if (isSeen()) tick();
}

/** Look for tiles that have no curve, one request after the other. */
async function curves() {
  let more_ = false;
  if (isSeen() && !document.hidden && stack.here) {
    more_ = await overview.pull(stack.now);
    if (more_) tick();
  }
  setTimeout(curves, more_ || !$("tiles").children.length ? SOON_MS : CURVES_MS);
}

async function tell() {
  try {
    if (!document.hidden && stack.here) happened = await events(stack.now - DAY_S, MOST_EVENTS);
  } catch (error) {
    if (!(error instanceof Trouble)) throw error; // a bridge that knows no events has no strip of them
  }
  day.tell(page.placed(happened), stack.now, view.zone);
}

function freshenIn(delay) {
  clearTimeout(freshnessTimer);
  freshnessTimer = setTimeout(freshen, delay);
}

/** Look at the last samples of the fields that are seen, and of a few others in turn. */
async function freshen() {
  freshnessTimer = 0;
  try {
    if (!document.hidden && !stack.unreachable) {
      const at = (name) => known.last.get(name)?.at ?? 0;
      const seen = tree.visible();
      const told = new Set([...seen, ...wants().fields.map(([name]) => name)]);
      const others = [...known.listed()].filter(([name, { since, field }]) => since === null && !told.has(name) && !(watched.here && (field.node === "watch" || watched.fields.get(name)?.state !== "unknown" || known.last.has(name)))).map(([name]) => name);
      for (const names of [...inPieces(seen), ...inPieces(others.sort((a, b) => at(a) - at(b))).slice(0, 2)]) {
        known.take(await latest(names), performance.now() / 1000);
        tick();
      }
    }
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
  }
  if (!freshnessTimer) freshenIn(FRESHNESS_MS);
}

window.addEventListener("popstate", () => take(views.read(location.search), { turned: true }));
for (const media of [night, wide]) media.addEventListener("change", () => take(view));
paper.addEventListener("change", () => {
  dress();
  desk.redraw(); // at once, of what is there: paper does not wait
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  freshenIn(0);
  stack.watch();
  if (view.live) desk.refresh();
});
document.body.classList.toggle("menu", !view.panels.length && !views.isOverview(view));
take(view);
const first = JSON.parse($("first").textContent || "null");
if (first?.status.router) {
  stack.begin(first).then(tell);
  setTimeout(() => stack.watch(), TICK_MS);
} else stack.watch().then(tell);
live.begin();
curves();
setInterval(() => tick(false), TICK_MS);
setInterval(tell, EVENTS_MS);
