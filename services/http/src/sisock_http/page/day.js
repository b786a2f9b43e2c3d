// What happened within a day, as a strip of marks and in words.
import { element } from "./element.js";
import { write } from "./moments.js";
import { KINDS } from "./standing.js";

export const DAY_S = 86400;
const MOST_LISTED = 12;
const MOST_TOLD = 4; // times that the same is told of the same thing, each by itself
const HOURS = 3; // between two times below the strip
const WHAT = {
  came: { tone: "grey", shape: "●", word: "online" },
  went: { tone: "red", shape: "✕", word: "offline" },
  router_here: { tone: "grey", shape: "●", word: "router here" },
  router_away: { tone: "red", shape: "✕", word: "router away" },
  watch_here: { tone: "grey", shape: "●", word: "watch here" },
  watch_away: { tone: "hatched", shape: "?", word: "watch away" },
  note: { tone: "note", shape: "✎", word: "note" },
};
const LANES = { red: 0, amber: 1, hatched: 1, grey: 2, note: 3 };

/** Tone, shape and word of an event. */
export const kindOf = (what) => WHAT[what] ?? KINDS[what] ?? { tone: "grey", shape: "●", word: what.replaceAll("_", " ") };

/** What an event says, in a sentence; it is one of those that `Known.placed` gives. */
export const sentence = (event) => [event.title, kindOf(event.what).word === "note" ? "" : kindOf(event.what).word, event.why, event.author && `(${event.author})`]
  .filter(Boolean).join(" ");

export class Day {
  /** `sight` are the elements `root`, `strip` and `list`; `open(event)` shows one, `range(start, end)` a time that was pointed at. */
  constructor(sight, open, range) {
    Object.assign(this, { sight, open });
    this.all = false;
    const { strip } = sight;
    const at = ({ clientX }) => {
      const { left, width } = strip.getBoundingClientRect();
      return this.now - DAY_S * (1 - Math.min(1, Math.max(0, (clientX - left) / width)));
    };
    let begun = null;
    strip.addEventListener("pointerdown", (event) => { begun = at(event); });
    strip.addEventListener("pointerup", (event) => {
      if (begun === null) return;
      const [start, end] = [begun, at(event)].sort((a, b) => a - b);
      begun = null;
      const one = this.near(end, strip.clientWidth);
      if (end - start > DAY_S / 100) range(start, end);
      else if (one) open(one);
      else range(end - 1800, Math.min(end + 1800, this.now));
    });
  }

  near(t, pixels) {
    const reach = (6 * DAY_S) / Math.max(100, pixels);
    return this.within.filter((event) => Math.abs(event.t - t) < reach).sort((a, b) => Math.abs(a.t - t) - Math.abs(b.t - t))[0];
  }

  /** Write the events of the day before `now`, as `Known.placed` gives them. */
  tell(events, now, zone) {
    this.now = now;
    const within = events.filter(({ t }) => t > now - DAY_S && t <= now + 60);
    this.within = within;
    const { root, strip, list } = this.sight;
    root.hidden = !within.length;
    strip.ariaLabel = `${within.length} events within 24 hours; the list below has them in words`;
    strip.replaceChildren(...hours(now, zone), ...within.map((event) => {
      const { tone, shape } = kindOf(event.what);
      const mark = element("b", { textContent: event.what === "note" ? shape : "", title: `${write(event.t, zone).slice(11, 19)} ${sentence(event)}` });
      mark.style.left = place(event.t, now);
      mark.style.top = `${4 + 9 * LANES[tone]}px`;
      if (event.until) mark.style.width = `${(100 * (Math.min(event.until, now) - event.t)) / DAY_S}%`;
      mark.dataset.tone = tone;
      return mark;
    }));
    const told = this.all ? within : condensed(within);
    const listed = told.slice(this.all ? 0 : -MOST_LISTED).reverse().map((event) => {
      const { tone, shape, word } = kindOf(event.what);
      const button = element("button", {},
        element("time", { textContent: write(event.t, zone).slice(11) }), element("span", { className: "mark", textContent: `${shape} ${word}${event.times > 1 ? ` × ${event.times}` : ""}` }),
        element("span", { className: "name", textContent: event.title }),
        element("span", { className: "why", textContent: event.author ? `${event.why} (${event.author})` : event.why }));
      button.dataset.tone = tone;
      button.addEventListener("click", () => this.open(event));
      return element("li", {}, button);
    });
    if (!this.all && within.length > listed.length) {
      const more = element("button", { className: "more", textContent: `all ${within.length} events` });
      more.addEventListener("click", () => {
        this.all = true;
        this.tell(events, now, zone);
      });
      listed.push(element("li", {}, more));
    }
    list.replaceChildren(...listed);
  }
}

/** Events, those of a kind that are told again and again of one thing as their last one. */
export function condensed(events) {
  const times = new Map();
  const key = ({ what, target }) => `${what} ${target}`;
  for (const event of events) times.set(key(event), [...(times.get(key(event)) ?? []), event]);
  return events.filter((event) => {
    const same = times.get(key(event));
    return same.length < MOST_TOLD || event === same.at(-1);
  }).map((event) => (times.get(key(event)).length < MOST_TOLD ? event : { ...event, times: times.get(key(event)).length }));
}

const place = (t, now) => `${((1 - (now - t) / DAY_S) * 100).toFixed(2)}%`;

function hours(now, zone) {
  const found = [];
  for (let t = HOURS * 3600 * Math.ceil((now - DAY_S) / (HOURS * 3600)); t <= now; t += HOURS * 3600) {
    const made = element("small", { textContent: write(t, zone).slice(11, 16) });
    made.style.left = place(t, now);
    found.push(made);
  }
  return found;
}
