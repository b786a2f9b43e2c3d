// The panels of Explore: which there are, what they ask for, and how time goes on in them.
import { element } from "./element.js";
import { events, Trouble } from "./server.js";
import { axisOf, panelOf, plotted, shownFields } from "./view.js";

const MODULES = ["panel", "plotting", "uplot", "series", "touch", "lanes", "marks", "colours", "derived"];
const LATER_MS = 5000; // after the start, or a failure, until they are asked for
const SOONEST_MS = 1000; // between two drawings of live data
const LATEST_MS = 60000;
const WHOLE_MS = 600000; // so often is all of a live range asked for again: what came late is seen then
const MOST_EVENTS = 300;

export class Desk {
  /** `page`: `view`, `take`, `zoom`, `back`, `range`, `known`, `live`, `trouble`, `here`, as the page has them. */
  constructor(root, page) {
    Object.assign(this, { root, page });
    this.panels = [];
    this.chosen = 0;
    this.plots = null; // modules that plot: the overview is here sooner without them
    this.failed = new Set();
    this.timer = 0;
    this.happened = [];
    setTimeout(() => this.load(), LATER_MS);
  }

  /** Have what plots, all of it at once; a page that was opened before the server was replaced has to come anew. */
  async load() {
    if (this.plots) return;
    if (!document.getElementById("uplot-style")) document.head.append(element("link", { id: "uplot-style", rel: "stylesheet", href: new URL("./uplot.css", import.meta.url) }));
    try {
      const [loaded, { Gutters }] = await Promise.all([...MODULES, "menu"].map((name) => import(`./${name}.js`)));
      if (this.plots) return;
      [this.plots, this.gutters] = [loaded, new Gutters()];
      this.menu = (await import("./menu.js")).menu;
      if (this.page.view.panels.length) this.page.take(this.page.view);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // a module that did not come
      setTimeout(() => (this.page.view.panels.length && this.page.here() ? location.reload() : this.load()), LATER_MS);
    }
  }

  /** Have as many panels as the view. */
  dress() {
    const { view } = this.page;
    this.chosen = Math.min(this.chosen, Math.max(0, view.panels.length - 1));
    while (this.panels.length > view.panels.length) this.panels.pop().destroy();
    if (view.panels.length && !this.plots) this.load();
    while (this.plots && this.panels.length < view.panels.length) this.panels.push(this.made());
    this.choose(this.chosen);
    this.panels.forEach((panel, i) => panel.place(i === this.panels.length - 1));
  }

  made() {
    const at = () => this.panels.indexOf(panel);
    const panel = new this.plots.Panel(this.gutters, {
      zoom: (start, end) => this.page.zoom(start, end),
      back: () => this.page.back(),
      remove: (name) => this.change(at(), (shape) => ({ ...shape, names: shape.names.filter((one) => one !== name) })),
      close: () => this.close(at()),
      choose: () => this.choose(at()),
      split: (groups) => this.split(at(), groups),
      log: () => this.change(at(), (shape) => ({ ...shape, log: !shape.log })),
      menu: (one, button) => this.menu(one, button, this.page, (edit) => this.change(at(), edit)),
    });
    this.root.append(panel.root);
    return panel;
  }

  choose(at) {
    this.chosen = at;
    this.panels.forEach((panel, i) => panel.root.classList.toggle("chosen", i === at && this.panels.length > 1));
  }

  get panel() {
    return this.panels[this.chosen];
  }

  change(at, edit) {
    const { view, take } = this.page;
    if (at < 0 || !view.panels[at]) return undefined;
    const shape = edit(view.panels[at]);
    if (!shape.names.length) return this.close(at);
    return take({ ...view, panels: view.panels.map((old, i) => (i === at ? shape : old)) });
  }

  close(at) {
    const { view, take } = this.page;
    this.panels.splice(at, 1)[0]?.destroy();
    take({ ...view, panels: view.panels.filter((_, i) => i !== at), page: view.page === "beside" ? view.page : "explore" });
  }

  /** Give each group of a panel's fields a panel of its own: they have more units than a panel has axes. */
  split(at, groups) {
    const { view, take } = this.page;
    if (at >= 0) take({ ...view, panels: view.panels.flatMap((shape, i) => (i === at ? groups.map((names) => panelOf(names)) : [shape])) });
  }

  /** Plot a field, or take it away: by default where its unit is plotted already, else in a panel of its own. Whether it is new. */
  plot(name, place) {
    const { view, take } = this.page;
    const at = view.panels.findIndex(({ names }) => names.includes(name));
    if (at >= 0 && place !== "apart") {
      this.change(at, (shape) => ({ ...shape, names: shape.names.filter((one) => one !== name) }));
      return false;
    }
    const home = place === "apart" ? -1 : place === "together" ? this.chosen : this.homeOf(name);
    if (home >= 0 && home < view.panels.length) {
      this.chosen = home;
      this.change(home, (shape) => ({ ...shape, names: [...shape.names, name] }));
    } else {
      this.chosen = view.panels.length;
      take({ ...view, panels: [...view.panels, panelOf([name])] });
    }
    return at < 0;
  }

  axis(name) {
    return axisOf(this.page.known.field(name) ?? { field: name });
  }

  /** The panel that has a field's unit, the chosen one first; an empty one takes anything; -1 if there is none. */
  homeOf(name) {
    const { panels } = this.page.view;
    const axis = this.axis(name);
    const fits = ({ names }) => !names.length || names.some((one) => this.axis(one) === axis);
    return panels[this.chosen] && fits(panels[this.chosen]) ? this.chosen : panels.findIndex(fits);
  }

  /** Panels for some fields, each unit in one of its own. */
  panelsOf(names) {
    const panels = new Map();
    for (const name of names) {
      const axis = this.axis(name);
      panels.set(axis, [...(panels.get(axis) ?? []), name]);
    }
    return [...panels.values()].map((own) => panelOf(own));
  }

  /** Ask for all panels. */
  async refresh() {
    clearTimeout(this.timer);
    if (this.page.trouble()) return;
    const { view } = this.page;
    const [start, end] = this.page.range();
    this.asked = performance.now();
    this.mark();
    await Promise.all(this.panels.map((panel, i) => panel.show(view.panels[i], view, start, end).then(
      () => this.failed.delete(panel),
      (trouble) => {
        this.failed.add(panel);
        if (!(trouble instanceof Trouble)) throw trouble;
        panel.say([trouble.message]);
      },
    )));
    this.page.live.want();
    this.goOn();
  }

  /** Draw again what there is. */
  redraw() {
    const [from, to] = this.page.range();
    for (const panel of this.panels) panel.redraw(this.page.view, from, to);
  }

  /** If the view is live, draw again as soon as there is a pixel's worth of time to see. */
  goOn() {
    clearTimeout(this.timer);
    if (!this.page.view.live) return;
    const [start, end] = this.page.range();
    const pixel = (1000 * (end - start)) / Math.max(200, this.root.clientWidth);
    this.timer = setTimeout(() => {
      if (document.hidden) return;
      if (performance.now() - this.asked > WHOLE_MS) {
        this.refresh();
        return;
      }
      if (this.panels.some((panel) => panel.due)) {
        this.refresh();
        return;
      }
      this.redraw();
      this.goOn();
    }, Math.min(LATEST_MS, Math.max(SOONEST_MS, pixel)));
  }

  /** Which samples are wanted as they come: `[name, since]` each. */
  wants() {
    if (!this.page.view.live) return [];
    // Of a field that several panels have, news for all of them.
    const found = new Map(this.panels.flatMap((panel) => panel.newest()).sort(([, a], [, b]) => (b ?? 0) - (a ?? 0)));
    return shownFields(this.page.view).map((name) => [name, found.get(name) ?? null]);
  }

  take(news) {
    const [start] = this.page.range();
    for (const panel of this.panels) panel.append(news, start);
  }

  /** Show what happened in the range, beside the curves that it is about. */
  async mark() {
    const [start, end] = this.page.range();
    try {
      this.happened = plotted(this.page.view).length ? await events(Math.max(1, start), MOST_EVENTS, end) : [];
    } catch (error) {
      if (!(error instanceof Trouble)) throw error; // a bridge that knows no events has no marks
    }
    if (!this.plots) return;
    const { concerns } = await import("./marks.js");
    const placed = this.page.placed(this.happened);
    for (const panel of this.panels) {
      panel.marks.show(placed.filter((event) => concerns(event, panel.fields)));
      panel.plot?.redraw(false, false);
    }
  }
}
