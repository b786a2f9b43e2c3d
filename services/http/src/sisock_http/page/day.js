// What happened within a day, as a strip of marks and in words.
import { write } from "./moments.js";
import { KINDS } from "./standing.js";
import { element } from "./tree.js";

export const DAY_S = 86400;
const MOST_LISTED = 12;
const HOURS = 6; // between two times below the strip
const WHAT = {
  came: { tone: "grey", shape: "●", word: "online" },
  went: { tone: "red", shape: "✕", word: "offline" },
  router_here: { tone: "grey", shape: "●", word: "router here" },
  router_away: { tone: "red", shape: "✕", word: "router away" },
  watch_here: { tone: "grey", shape: "●", word: "watch here" },
  watch_away: { tone: "hatched", shape: "?", word: "watch away" },
  note: { tone: "note", shape: "✎", word: "note" },
};
const kindOf = (what) => WHAT[what] ?? KINDS[what] ?? { tone: "grey", shape: "●", word: what.replaceAll("_", " ") };

/** Write the events of the day before `now`; `choose(event)` is called for one that somebody wants to see. */
export function tell({ root, strip, list }, events, now, zone, choose) {
  const within = events.filter(({ t }) => t > now - DAY_S && t <= now + 60);
  root.hidden = !within.length;
  strip.replaceChildren(...hours(now, zone), ...within.map((event) => placed("b", event.t, now, kindOf(event.what))));
  list.replaceChildren(...within.slice(-MOST_LISTED).reverse().map((event) => {
    const { tone, shape, word } = kindOf(event.what);
    const button = element("button", {},
      element("time", { textContent: write(event.t, zone).slice(11) }), element("span", { className: "mark", textContent: `${shape} ${word}` }),
      element("span", { className: "name", textContent: event.target.replace("::", " · ") }),
      element("span", { className: "why", textContent: event.author ? `${event.why} (${event.author})` : event.why }));
    button.dataset.tone = tone;
    button.addEventListener("click", () => choose(event));
    return element("li", {}, button);
  }));
}

function hours(now, zone) {
  const found = [];
  for (let t = HOURS * 3600 * Math.ceil((now - DAY_S) / (HOURS * 3600)); t <= now; t += HOURS * 3600) {
    found.push(placed("small", t, now, { tone: "", shape: write(t, zone).slice(11, 16) }));
  }
  return found;
}

function placed(tag, t, now, { tone, shape }) {
  const made = element(tag, { textContent: shape });
  made.dataset.tone = tone;
  made.style.left = `${((1 - (now - t) / DAY_S) * 100).toFixed(2)}%`;
  return made;
}
