// The quicklook page: holds the view, and lets overview, tree, panels and server follow it.
import { DAY_S, tell } from "./day.js";
import { summary } from "./freshness.js";
import { data, events, fields, latest, status, Trouble } from "./server.js";
import { canonical, isRelative, parse, rangeTrouble, typed, write } from "./moments.js";
import { Overview } from "./overview.js";
import { inPieces, Tree } from "./tree.js";
import * as views from "./view.js";
import { follow, Watched } from "./watched.js";

const STATUS_MS = 2000;
const FRESHNESS_MS = 15000;
const SETTLED_MS = 300; // after a scroll
const SOONEST_MS = 1000; // between two looks at live data
const LATEST_MS = 60000;
const TICK_MS = 1000;
const SHORTEST_S = 0.01;
const PLOTS = ["panel", "uplot", "series", "touch"];
const PLOTS_MS = 5000; // after the start, or a failure, until they are asked for
const TILES_MS = 5000; // between two looks at what tiles show
const SOON_MS = 500;
const EVENTS_MS = 60000;
const MOST_EVENTS = 200;
const AROUND_S = 1800; // of an event is shown
const MOST_OPENED = 12; // fields of a tile that are plotted
const $ = (id) => document.getElementById(id);

let view = views.read(location.search);
let chosen = Math.max(0, view.panels.length - 1);
let state = { nodes: [], router: true, hub: true };
let listed = "";
let told = null; // when `state` was
let unreachable = "";
let liveTimer = 0;
let freshnessTimer = 0;
const before = [];
const panels = [];
let plots = null; // modules that plot: the overview is here sooner without them
let gutters = null;
const failed = new Set();
const watched = new Watched();
const overview = new Overview({ trouble: $("trouble"), troubles: $("troubles"), tiles: $("tiles") }, open);
let happened = [];
let explored = null; // what was plotted before the overview
const tree = new Tree($("tree"), $("search"), plot, () => freshenIn(SETTLED_MS));

// ---- what is shown

/** Take up a view: write it into the address and the controls, and ask for what it shows. */
function take(next, { remember = false, turn = true } = {}) {
  if (remember) before.push({ from: view.from, to: view.to, live: view.live });
  const turned = turn && views.isOverview(next) !== views.isOverview(view);
  if (!views.isOverview(view)) explored = view;
  view = next;
  history[turned ? "pushState" : "replaceState"](null, "", views.write(view) || location.pathname);
  chosen = Math.min(chosen, Math.max(0, view.panels.length - 1));
  dress();
  refresh();
}

function range() {
  const moment = now();
  if (rangeTrouble(view, moment)) return [moment - 3600, moment]; // which is said; moving and zooming lead out of it
  return [parse(view.from, moment), parse(view.to, moment)];
}

function dress() {
  const dark = view.theme ? view.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  const first = views.isOverview(view);
  document.body.dataset.page = first ? "overview" : "explore";
  $("overview").hidden = !first;
  $("to-overview").ariaCurrent = first ? "page" : null;
  $("to-explore").ariaCurrent = first ? null : "page";
  for (const name of ["live", "log"]) $(name).setAttribute("aria-pressed", view[name]);
  $("zone").textContent = view.zone === "utc" ? "UTC" : "local";
  for (const end of ["from", "to"]) {
    const text = view[end];
    const moment = parse(text);
    if (document.activeElement !== $(end)) $(end).value = isRelative(text) || moment === null ? text : typed(moment, view.zone);
  }
  const span = /^now-(\d+)s$/.exec(view.to === "now" ? view.from : "")?.[1] ?? (view.to === "now" && view.from === "now-1h" ? "3600" : "");
  $("span").value = [...$("span").options].some((option) => option.value === span) ? span : "";
  $("back").disabled = !before.length;
  while (panels.length > view.panels.length) panels.pop().destroy();
  if (view.panels.length && !plots) loadPlots();
  while (plots && panels.length < view.panels.length) {
    const panel = new plots.Panel(gutters, {
      zoom: (start, end) => zoom(start, end),
      back,
      remove: (name) => change(panels.indexOf(panel), (names) => names.filter((one) => one !== name)),
      close: () => close(panels.indexOf(panel)),
      choose: () => choose(panels.indexOf(panel)),
      split: (groups) => split(panels.indexOf(panel), groups),
    });
    panels.push(panel);
    $("panels").append(panel.root);
  }
  choose(chosen);
  panels.forEach((panel, i) => panel.place(i === panels.length - 1));
  $("panels").dataset.empty = !view.panels.length && !first;
  tree.mark(new Set(view.panels.flat()));
  notice();
}

/** Have what plots, all of it at once; a page that was opened before the server was replaced has to come anew. */
async function loadPlots() {
  try {
    const [loaded] = await Promise.all(PLOTS.map((name) => import(`./${name}.js`)));
    if (plots) return;
    [plots, gutters] = [loaded, new loaded.Gutters()];
    if (view.panels.length) take(view);
  } catch {
    setTimeout(() => (view.panels.length && here() ? location.reload() : loadPlots()), PLOTS_MS);
  }
}

function choose(at) {
  chosen = at;
  panels.forEach((panel, i) => panel.root.classList.toggle("chosen", i === at && panels.length > 1));
}

/** Ask for all panels, and again later if the view is live. */
async function refresh() {
  clearTimeout(liveTimer);
  if (rangeTrouble(view)) return;
  const [start, end] = range();
  await Promise.all(panels.map((panel, i) => panel.show(view.panels[i], view, start, end).then(
    () => failed.delete(panel),
    (trouble) => {
      failed.add(panel);
      if (!(trouble instanceof Trouble)) throw trouble;
      panel.say([trouble.message]);
    },
  )));
  clearTimeout(liveTimer);
  if (view.live) {
    // A pixel's worth of time has to pass before there is anything new to see.
    const pixel = (1000 * (end - start)) / Math.max(200, $("panels").clientWidth);
    liveTimer = setTimeout(refresh, Math.min(LATEST_MS, Math.max(SOONEST_MS, pixel)));
  }
}

// ---- what can be done

/** Plot a field, or take it away: by default where its unit is plotted already, else in a panel of its own. */
function plot(name, place = "") {
  const at = view.panels.findIndex((names) => names.includes(name));
  if (at >= 0 && place !== "apart") return change(at, (names) => names.filter((one) => one !== name));
  const home = place === "apart" ? -1 : place === "together" ? chosen : homeOf(name);
  if (home >= 0 && home < view.panels.length) {
    chosen = home;
    change(home, (names) => [...names, name]);
  } else {
    chosen = view.panels.length;
    take({ ...view, panels: [...view.panels, [name]] });
  }
  if (at < 0) offerArchive(name);
}

/** The panel that has a field's unit, the chosen one first; an empty one takes anything; -1 if there is none. */
function homeOf(name) {
  const axis = views.axisOf(tree.field(name) ?? { field: name });
  const fits = (names) => !names.length || names.some((one) => views.axisOf(tree.field(one) ?? { field: one }) === axis);
  return view.panels[chosen] && fits(view.panels[chosen]) ? chosen : view.panels.findIndex(fits);
}

/** Give each group of a panel's fields a panel of its own: they have more units than a panel has axes. */
function split(at, groups) {
  if (at >= 0) take({ ...view, panels: view.panels.flatMap((names, i) => (i === at ? groups : [names])) });
}

/** Plot the fields of a tile, each unit in a panel of its own, instead of what is shown. */
function open(names) {
  const panels = new Map();
  for (const name of names.slice(0, MOST_OPENED)) {
    const axis = views.axisOf(tree.field(name) ?? { field: name });
    panels.set(axis, [...(panels.get(axis) ?? []), name]);
  }
  chosen = 0;
  take({ ...views.overviewOf(view), panels: [...panels.values()] });
  if (names.length === 1) offerArchive(names[0]);
}

/** Plot what an event is about, around its time. */
function openAt({ t, target }) {
  const names = tree.field(target) ? [target] : [...tree.listed()].filter(([, { field }]) => field.node === target).map(([name]) => name);
  if (names.length) open(names);
  else turn();
  zoom(t - AROUND_S, Math.min(t + AROUND_S, now()));
}

/** From the overview to the plots, or back. */
function turn() {
  const next = explored ? { ...explored, zone: view.zone, theme: view.theme } : { ...view, page: "explore" };
  take(views.isOverview(view) ? next : views.overviewOf(view));
}

/** A field without recent samples is of an archive: go to where its samples are. */
async function offerArchive(name) {
  if (view.panels.flat().length > 1 || !view.from.startsWith("now") || view.live) return;
  try {
    const last = tree.last.get(name) ?? (await latest([name]))[0];
    if (last.time !== null) return;
    const [first] = await data([name], 1, now(), 2);
    if (first.n > 1 && view.panels.flat().join() === name) zoom(first.t[0], first.t[first.n - 1] + 1);
  } catch (error) {
    if (!(error instanceof Trouble)) throw error; // the panel says so already
  }
}

function change(at, edit) {
  const names = edit(view.panels[at]);
  if (!names.length) return close(at);
  return take({ ...view, panels: view.panels.map((old, i) => (i === at ? names : old)) });
}

function close(at) {
  panels.splice(at, 1)[0].destroy();
  take({ ...view, panels: view.panels.filter((_, i) => i !== at), page: "explore" });
}

function zoom(start, end) {
  if (end - start < SHORTEST_S) return;
  take(views.ranged(view, start, end), { remember: true });
}

function scaled(factor) {
  const [start, end] = range();
  const [middle, half] = [(start + end) / 2, (factor * (end - start)) / 2];
  zoom(Math.max(1, middle - half), middle + half);
}

function moved(share) {
  const [start, end] = range();
  const by = share * (end - start);
  if (start + by > 0) zoom(start + by, end + by);
}

function back() {
  const last = before.pop();
  if (last) take({ ...view, ...last });
}

function live() {
  const [start, end] = range();
  if (view.live) return take({ ...view, live: false });
  const relative = view.to === "now" && view.from.startsWith("now");
  const from = relative ? view.from : `now-${Math.max(10, Math.round(Math.min(end - start, 86400)))}s`;
  return take({ ...view, from, to: "now", live: true }, { remember: !relative });
}

const actions = {
  live,
  back,
  zone: () => take({ ...view, zone: view.zone === "utc" ? "local" : "utc" }),
  log: () => take({ ...view, log: !view.log }),
  theme: () => take({ ...view, theme: document.documentElement.dataset.theme === "dark" ? "light" : "dark" }),
  earlier: () => moved(-0.5),
  later: () => moved(0.5),
  wider: () => scaled(2),
  finer: () => scaled(0.5),
  help: () => $("keys").showModal(),
  menu: () => {
    const open = document.body.classList.toggle("menu");
    $("menu").setAttribute("aria-expanded", open);
  },
};
for (const [name, act] of Object.entries(actions)) $(name).addEventListener("click", act);
for (const [name, first] of [["to-overview", true], ["to-explore", false]]) {
  $(name).addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (views.isOverview(view) !== first) turn();
  });
}
$("span").addEventListener("change", () => {
  if ($("span").value) take({ ...view, from: `now-${$("span").value}s`, to: "now" }, { remember: true });
});
for (const end of ["from", "to"]) {
  $(end).addEventListener("change", () => {
    const text = $(end).value.trim();
    const moment = parse(text);
    $(end).setCustomValidity(moment === null ? "not a time: 2017-07-14 06:00 (UTC), 06:00-04:00, now-6h, or UNIX seconds" : "");
    if (!$(end).reportValidity()) return;
    const follows = view.live && view.to === "now" && end === "from" && isRelative(text);
    take({ ...view, [end]: canonical(text), live: follows }, { remember: true });
  });
}

const keys = {
  "/": () => $("search").focus(), l: live, b: back, u: actions.zone, g: actions.log, d: actions.theme, "?": actions.help,
  ArrowLeft: actions.earlier, ArrowRight: actions.later, "+": actions.finer, "=": actions.finer, "-": actions.wider,
  o: turn,
  n: () => {
    chosen = view.panels.length;
    take({ ...view, panels: [...view.panels, []] });
    $("search").focus();
  },
};
document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, select");
  if (event.key === "Escape" && typing) event.target.blur();
  if (typing || event.ctrlKey || event.metaKey || event.altKey || $("keys").open) return;
  const act = keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

// ---- what the stack does meanwhile

function notice() {
  const plotted = new Set(view.panels.flat().map((name) => name.split("::")[0]));
  const online = new Set(state.nodes.map((node) => node.name));
  const away = [...plotted].filter((name) => !online.has(name));
  const sentence = unreachable
    || rangeTrouble(view)
    || (!state.router && "The router is away: nothing new can be read. This page goes on by itself as soon as it is back.")
    || (!state.hub && "The hub is away: who is online is not known. This page goes on by itself as soon as it is back.")
    || (away.length && `${away.length > 1 ? "Data nodes" : "Data node"} ${away.join(", ")} ${away.length > 1 ? "are" : "is"} away.`)
    || "";
  $("notice").hidden = !sentence;
  if ($("notice").textContent !== sentence) $("notice").textContent = sentence;
  tick();
  return here() && !away.length;
}

const here = () => !unreachable && state.router && state.hub;

/** Now, by the server's clock, which goes on here while nobody tells. */
const now = () => (told === null ? Date.now() : 1000 * state.now + performance.now() - told) / 1000;

/** Ages grow by the clock here, whoever is away. */
function tick() {
  for (const panel of panels) panel.resize(); // a notice may have come or gone
  const known = !unreachable && state.router && told !== null;
  const [moment, at, shown] = [now(), performance.now() / 1000, views.isOverview(view)];
  const away = unreachable ? "server away" : !state.router ? "router away" : !state.hub ? "hub away" : "";
  const plotted = summary(tree.tick(moment, at, known));
  const all = overview.tick({ tree, watched, now: moment, at, known, away, zone: view.zone, shown });
  if (told === null && !away) return;
  say($("stack"), shown ? all.text : away || plotted.text);
  $("stack").dataset.state = shown || away ? all.state : plotted.state;
  $("stack").dataset.tone = shown ? all.tone : "";
  $("stack").title = away || all.state !== "part" ? "" : "Not everything is known";
  say($("utc"), `${write(moment, "utc").slice(0, 19)} UTC`);
  say($("local"), zoneName() === "UTC" ? "" : `${write(moment, "local").slice(11, 19)} ${zoneName()}`);
  say($("watching"), watched.here || away ? "" : `${watched.why}: limits and causes are not known, silence is judged by this page`);
  document.title = all.title;
  const icon = $("icon").href.replace(/icon[^/]*$/, `icon${all.state === "trouble" || all.state === "away" ? `-${all.tone}` : ""}.svg`);
  if ($("icon").href !== icon) $("icon").href = icon;
}

function say(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

const zoneName = () => new Intl.DateTimeFormat("en", { timeZoneName: "short" }).formatToParts().find(({ type }) => type === "timeZoneName").value;

/** Look at what tiles show, one request after the other. */
async function freshenTiles() {
  let more = false;
  try {
    if (views.isOverview(view) && !document.hidden && here()) {
      for (const names of inPieces(overview.due())) tree.take(await latest(names), performance.now() / 1000);
      more = await overview.pull(now());
      tick();
    }
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
  }
  setTimeout(freshenTiles, more || (here() && !$("tiles").children.length) ? SOON_MS : TILES_MS);
}

async function freshenDay() {
  try {
    if (!document.hidden && here()) happened = await events(now() - DAY_S, MOST_EVENTS);
  } catch (error) {
    if (!(error instanceof Trouble)) throw error; // a bridge that knows no events has no strip of them
  }
  tell({ root: $("day"), strip: $("strip"), list: $("events") }, happened, now(), view.zone, openAt);
  setTimeout(freshenDay, EVENTS_MS);
}

async function watch() {
  try {
    await look();
  } finally {
    setTimeout(watch, STATUS_MS); // whatever went wrong: a page that looks no more would show what was
  }
}

async function look() {
  const was = notice();
  try {
    state = await status();
    told = performance.now();
    unreachable = "";
  } catch (error) {
    unreachable = error.message;
  }
  // A hub that is away tells of nobody who went; whom the bridge still knows is shown.
  const news = !unreachable && state.router && (state.hub || state.nodes.length) ? JSON.stringify([state.nodes, state.hub]) : listed;
  if (news !== listed) {
    try {
      tree.fill(state.nodes, await fields(), now(), state.hub);
      listed = news;
      freshenIn(0);
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
    }
  }
  tree.say(here() ? "No data node is online." : "Who is online is not known.");
  if (notice() && (!was || failed.size) && panels.length) refresh();
}

function freshenIn(delay) {
  clearTimeout(freshnessTimer);
  freshnessTimer = setTimeout(freshen, delay);
}

async function freshen() {
  freshnessTimer = 0;
  try {
    for (const names of document.hidden || unreachable ? [] : tree.due()) {
      tree.take(await latest(names), performance.now() / 1000);
      tick();
    }
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
  }
  if (!freshnessTimer) freshenIn(FRESHNESS_MS);
}

window.addEventListener("popstate", () => take(views.read(location.search), { turn: false }));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => take(view));
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  freshenIn(0);
  if (view.live) refresh();
});
document.body.classList.toggle("menu", !view.panels.length && !views.isOverview(view));
take(view);
watch().then(freshenDay);
follow(watched, tick);
freshenTiles();
setTimeout(loadPlots, PLOTS_MS);
setInterval(tick, TICK_MS);
