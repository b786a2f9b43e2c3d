// The quicklook page: holds the view, and lets tree, panels and server follow it.
import { data, fields, latest, status, Trouble } from "./server.js";
import { canonical, isRelative, parse, rangeTrouble, typed } from "./moments.js";
import { Panel } from "./panel.js";
import { Tree } from "./tree.js";
import * as views from "./view.js";

const STATUS_MS = 2000;
const FRESHNESS_MS = 15000;
const SETTLED_MS = 300; // after a scroll
const SOONEST_MS = 1000; // between two looks at live data
const LATEST_MS = 60000;
const SHORTEST_S = 0.01;
const $ = (id) => document.getElementById(id);

let view = views.read(location.search);
let chosen = Math.max(0, view.panels.length - 1);
let state = { nodes: [], router: true, hub: true };
let listed = "";
let unreachable = "";
let liveTimer = 0;
let freshnessTimer = 0;
const before = [];
const panels = [];
const failed = new Set();
const tree = new Tree($("tree"), $("search"), plot, () => freshenIn(SETTLED_MS));

// ---- what is shown

/** Take up a view: write it into the address and the controls, and ask for what it shows. */
function take(next, { remember = false } = {}) {
  if (remember) before.push({ from: view.from, to: view.to, live: view.live });
  view = next;
  history.replaceState(null, "", views.write(view) || location.pathname);
  chosen = Math.min(chosen, Math.max(0, view.panels.length - 1));
  dress();
  refresh();
}

function range() {
  const now = Date.now() / 1000;
  if (rangeTrouble(view, now)) return [now - 3600, now]; // which is said; moving and zooming lead out of it
  return [parse(view.from, now), parse(view.to, now)];
}

function dress() {
  const dark = view.theme ? view.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
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
  while (panels.length < view.panels.length) {
    const panel = new Panel({
      zoom: (start, end) => zoom(start, end),
      back,
      remove: (name) => change(panels.indexOf(panel), (names) => names.filter((one) => one !== name)),
      close: () => close(panels.indexOf(panel)),
      choose: () => choose(panels.indexOf(panel)),
    });
    panels.push(panel);
    $("panels").append(panel.root);
  }
  choose(chosen);
  for (const panel of panels) panel.resize();
  $("panels").dataset.empty = !view.panels.length;
  tree.mark(new Set(view.panels.flat()));
  notice();
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

function plot(name, apart = false) {
  const at = view.panels.findIndex((names) => names.includes(name));
  if (at >= 0 && !apart) {
    change(at, (names) => names.filter((one) => one !== name));
  } else if (apart || !view.panels.length) {
    chosen = view.panels.length;
    take({ ...view, panels: [...view.panels, [name]] });
  } else {
    change(chosen, (names) => [...names, name]);
  }
  if (at < 0) offerArchive(name);
}

/** A field without recent samples is of an archive: go to where its samples are. */
async function offerArchive(name) {
  if (view.panels.flat().length > 1 || !view.from.startsWith("now") || view.live) return;
  try {
    const last = tree.last.get(name) ?? (await latest([name]))[0];
    if (last.time !== null) return;
    const [first] = await data([name], 1, Date.now() / 1000, 2);
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
  take({ ...view, panels: view.panels.filter((_, i) => i !== at) });
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
  const well = !unreachable && state.router && state.hub;
  $("stack").textContent = unreachable ? "server away" : !state.router ? "router away" : !state.hub ? "hub away" : `${state.nodes.length} ${state.nodes.length === 1 ? "node" : "nodes"}`;
  $("stack").dataset.well = well;
  return well && !away.length;
}

async function watch() {
  const was = notice();
  try {
    state = await status();
    unreachable = "";
  } catch (error) {
    unreachable = error.message;
  }
  const here = !unreachable && state.router ? JSON.stringify(state.nodes) : listed;
  if (here !== listed) {
    try {
      tree.fill(state.nodes, await fields());
      listed = here;
      freshenIn(0);
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
    }
  }
  if (notice() && (!was || failed.size) && panels.length) refresh();
  setTimeout(watch, STATUS_MS);
}

function freshenIn(delay) {
  clearTimeout(freshnessTimer);
  freshnessTimer = setTimeout(freshen, delay);
}

async function freshen() {
  freshnessTimer = 0;
  try {
    for (const names of document.hidden ? [] : tree.visible()) tree.freshen(await latest(names), state.now ?? Date.now() / 1000);
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
  }
  if (!freshnessTimer) freshenIn(FRESHNESS_MS);
}

window.addEventListener("popstate", () => take(views.read(location.search)));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => take(view));
document.addEventListener("visibilitychange", () => !document.hidden && view.live && refresh());
document.body.classList.toggle("menu", !view.panels.length);
take(view);
watch();
