// What happened, as marks on a plot: a thin line at its time, a flag above it that says what.
import { kindOf, sentence } from "./day.js";
import { element } from "./element.js";

const COLOURS = { red: "--alarm", amber: "--late", grey: "--soft", hatched: "--soft", note: "--mark" };
const MOST = 60;
const APART = 9; // px between flags that are worth two
const WORST = ["note", "red", "amber", "hatched", "grey"]; // of several in one place

/** Whether an event is about any of some fields: one of them, its node, or the whole stack. */
export function concerns({ what, target, about }, names) {
  if (what === "note" && !target) return true;
  if (["router_away", "watch_away"].includes(what)) return true;
  return names.some((name) => about.includes(name) || name === target || name.startsWith(`${target}::`) || (target.includes("::") && name.startsWith(`${target}.`)));
}

export class Marks {
  /** `say(sentence)` is called for a flag that somebody chose. */
  constructor(say) {
    this.say = say;
    this.events = [];
    this.flags = element("div", { className: "flags" });
  }

  /** Show these events from the next drawing on. */
  show(events) {
    this.events = events.slice(-MOST);
  }

  draw(plot) {
    const { ctx, bbox: { left, top, width, height } } = plot;
    const style = getComputedStyle(document.documentElement);
    const flags = [];
    ctx.save();
    for (const event of this.events) {
      const [x, end] = [event.t, event.until ?? event.t].map((t) => plot.valToPos(t, "x", true));
      if (end < left || x > left + width) continue;
      const { tone, shape } = kindOf(event.what);
      ctx.fillStyle = ctx.strokeStyle = style.getPropertyValue(COLOURS[tone]);
      if (end > x) {
        ctx.globalAlpha = 0.1;
        ctx.fillRect(Math.max(left, x), top, Math.min(end, left + width) - Math.max(left, x), height);
      }
      if (x < left) continue;
      ctx.globalAlpha = 0.55;
      ctx.setLineDash([3, 3]);
      ctx.beginPath();
      ctx.moveTo(x, top);
      ctx.lineTo(x, top + height);
      ctx.stroke();
      const at = plot.valToPos(event.t, "x");
      const near = flags.at(-1);
      if (near && at - near.at < APART) {
        near.told.push(sentence(event));
        if (WORST.indexOf(tone) < WORST.indexOf(near.tone)) Object.assign(near, { tone, shape });
      } else flags.push({ told: [sentence(event)], shape, tone, at });
    }
    ctx.restore();
    if (this.flags.parentElement !== plot.over) plot.over.append(this.flags);
    while (this.flags.children.length > flags.length) this.flags.lastChild.remove();
    flags.forEach(({ told, shape, tone, at }, i) => {
      const flag = this.flags.children[i] ?? this.flags.appendChild(element("button", { tabIndex: -1 }));
      flag.onclick = () => this.say(flag.title);
      flag.textContent = shape;
      flag.dataset.tone = tone;
      flag.title = told.join("\n");
      flag.ariaLabel = flag.title;
      flag.style.left = `${at}px`;
    });
  }
}
