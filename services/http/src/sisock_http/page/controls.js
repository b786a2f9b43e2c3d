// The header and the keys: what people say to the page.
import { set } from "./element.js";
import { canonical, isRelative, isZone, parse, typed, zoneName } from "./moments.js";
import { isOverview } from "./view.js";

const $ = (id) => document.getElementById(id);
const NO_TIME = "not a time: 2017-07-14 06:00 (UTC), 06:00, yesterday 03:00-04:00, -6h, or UNIX seconds";
const LONGEST_LIVE_S = 86400;

export class Controls {
  /** `page`: `view`, `take`, `range`, `desk`, `turn`, `back`, `zoom`, `troubles`, `note`, `layouts`, as the page has them. */
  constructor(page) {
    this.page = page;
    this.other = ""; // the zone beside UTC that was chosen last
    const act = (edit, more) => () => page.take(edit(page.view), more);
    this.actions = {
      live: () => this.live(),
      back: page.back,
      theme: act((view) => ({ ...view, theme: document.documentElement.dataset.theme === "dark" ? "light" : "dark" })),
      earlier: () => this.moved(-0.5),
      later: () => this.moved(0.5),
      wider: () => this.scaled(2),
      finer: () => this.scaled(0.5),
      write: page.note,
      layouts: page.layouts,
      help: () => $("keys").showModal(),
      menu: () => {
        const open = document.body.classList.toggle("menu");
        $("menu").setAttribute("aria-expanded", open);
      },
    };
    for (const [name, action] of Object.entries(this.actions)) $(name).addEventListener("click", action);
    for (const [name, first] of [["to-overview", true], ["to-explore", false]]) {
      $(name).addEventListener("click", (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        if (page.beside && !first) page.take({ ...page.view, page: "explore" }, { remember: true });
        else if (isOverview(page.view) !== first) page.turn();
      });
    }
    $("span").addEventListener("change", () => {
      if ($("span").value) page.take({ ...page.view, from: `now-${$("span").value}s`, to: "now" }, { remember: true });
    });
    $("compare").addEventListener("change", () => page.take({ ...page.view, compare: $("compare").value }));
    $("zone").addEventListener("change", () => this.zone($("zone").value));
    for (const end of ["from", "to"]) {
      $(end).addEventListener("change", () => this.typed(end));
      $(`${end}-day`).addEventListener("click", () => this.pick(end));
    }
    document.addEventListener("keydown", (event) => this.key(event));
  }

  /** Write a view into the header. */
  dress(view, remembered) {
    const [first, beside] = [isOverview(view), this.page.beside];
    document.body.dataset.page = first ? "overview" : beside ? "beside" : "explore";
    $("to-overview").ariaCurrent = first || beside ? "page" : null;
    $("to-explore").ariaCurrent = first || beside ? null : "page";
    $("live").setAttribute("aria-pressed", view.live);
    $("compare").value = view.compare;
    this.zones(view.zone);
    for (const end of ["from", "to"]) {
      const text = view[end];
      const moment = parse(text);
      if (document.activeElement !== $(end)) $(end).value = isRelative(text) || moment === null ? text : typed(moment, view.zone);
    }
    const span = /^now-(\d+)s$/.exec(view.to === "now" ? view.from : "")?.[1] ?? (view.to === "now" && view.from === "now-1h" ? "3600" : "");
    $("span").value = [...$("span").options].some((option) => option.value === span) ? span : "";
    $("back").disabled = !remembered;
  }

  /** Offer zones: UTC, the site's, this browser's, and one that was chosen by its name. */
  zones(zone) {
    const { site } = this.page;
    if (zone !== "utc") this.other = zone;
    const known = [...new Set(["utc", ...(site ? [site] : []), "local", zone])];
    const form = [site, ...known].join();
    if (this.form !== form) {
      this.form = form;
      $("zone").replaceChildren(...known.map((one) => new Option(one === "utc" ? "UTC" : one === "local" ? `here (${zoneName("local")})` : one === site ? `site (${zoneName(site)})` : one, one)), new Option("other…", "other"));
    }
    $("zone").value = zone;
  }

  zone(chosen) {
    const { page } = this;
    if (chosen !== "other") {
      page.take({ ...page.view, zone: chosen });
      return;
    }
    $("zone").value = page.view.zone;
    const [box, name, list] = [$("zones"), $("zone-name"), $("zone-names")];
    if (!list.children.length) list.append(...Intl.supportedValuesOf("timeZone").map((one) => new Option(one)));
    name.value = "";
    box.showModal();
    box.onclose = () => {
      const wanted = name.value.trim();
      if (box.returnValue === "take" && wanted && isZone(wanted)) page.take({ ...page.view, zone: wanted });
    };
  }

  typed(end) {
    const { view, take } = this.page;
    const text = $(end).value.trim();
    const moment = parse(text);
    $(end).setCustomValidity(moment === null ? NO_TIME : "");
    if (!$(end).reportValidity()) return;
    const follows = view.live && view.to === "now" && end === "from" && isRelative(text);
    take({ ...view, [end]: canonical(text), live: follows }, { remember: true });
    const taken = this.page.view[end];
    if (document.activeElement === $(end)) $(end).value = isRelative(taken) ? taken : typed(parse(taken), view.zone);
  }

  /** The browser's own calendar. */
  pick(end) {
    const { view, range, take } = this.page;
    const day = $(`${end}-calendar`);
    day.value = typed(range()[end === "from" ? 0 : 1], view.zone).slice(0, 16).replace(" ", "T");
    day.onchange = () => {
      if (!day.value) return;
      const zone = typed(parse(day.value), view.zone).slice(19);
      take({ ...view, [end]: canonical(`${day.value}${zone}`), live: false }, { remember: true });
    };
    day.showPicker();
  }

  scaled(factor) {
    const [start, end] = this.page.range();
    const [middle, half] = [(start + end) / 2, (factor * (end - start)) / 2];
    this.page.zoom(Math.max(1, middle - half), middle + half);
  }

  moved(share) {
    const [start, end] = this.page.range();
    const by = share * (end - start);
    if (start + by > 0) this.page.zoom(start + by, end + by);
  }

  live() {
    const { view, take, range } = this.page;
    const [start, end] = range();
    if (view.live) return take({ ...view, live: false });
    const relative = view.to === "now" && isRelative(view.from);
    const from = relative ? view.from : `now-${Math.max(10, Math.round(Math.min(end - start, LONGEST_LIVE_S)))}s`;
    return take({ ...view, from, to: "now", live: true }, { remember: !relative });
  }

  key(event) {
    const typing = event.target.matches("input, select, textarea");
    if (event.key === "Escape" && typing) event.target.blur();
    if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const { page, actions } = this;
    const { desk } = page;
    const cursor = (by) => (event.shiftKey ? this.moved(0.5 * by) : isOverview(page.view) ? false : this.aloud(desk.panel?.step(by)));
    const keys = {
      "/": () => this.search(), l: actions.live, b: page.back, u: () => page.take({ ...page.view, zone: page.view.zone === "utc" ? this.other || page.site || "local" : "utc" }),
      g: () => desk.change(desk.chosen, (shape) => ({ ...shape, log: !shape.log })), d: actions.theme, "?": actions.help,
      Escape: () => (page.beside ? page.turn() : false), ArrowLeft: () => cursor(-1), ArrowRight: () => cursor(1), "[": actions.earlier, "]": actions.later,
      "+": actions.finer, "=": actions.finer, "-": actions.wider, o: page.turn, j: () => page.troubles(1), k: () => page.troubles(-1), m: actions.write, s: actions.layouts,
      n: () => {
        page.more();
        this.search();
      },
    };
    const act = keys[event.key];
    if (!act || act() === false) return;
    event.preventDefault();
  }

  search() {
    document.body.classList.add("menu");
    $("search").focus();
    $("search").select();
  }

  aloud(sentence) {
    set($("aloud"), "textContent", sentence ?? "");
    return sentence !== undefined;
  }
}
