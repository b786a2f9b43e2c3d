// Text, and yes and no, as lanes under each other: one bar for as long as a word lasts, with the word in it.
import { PALETTES } from "./colours.js";
import { KINDS } from "./standing.js";

const TONES = { red: ["#b3261e", "#d8604f"], amber: ["#c98500", "#e6a23c"], grey: ["#8a939f", "#6b7683"], hatched: ["#d0d4da", "#3a434e"] };
const PLAIN = { false: "#8a939f", true: "#0072b2" };

/** What a word is painted in: states as on the overview, other words each in a colour of its own. */
export function paintOf(word, words, theme) {
  if (word in KINDS) return TONES[KINDS[word].tone][theme === "dark" ? 1 : 0];
  if (word in PLAIN) return PLAIN[word];
  return PALETTES[theme][words.indexOf(word) % PALETTES[theme].length];
}

/** Stretches of one word each, `[from, to, word]`, of a column of numbers of words; `null` ends one, `undefined` does not. */
export function stretches(t, numbers, words) {
  const found = [];
  let open = null;
  for (let i = 0; i < t.length; i++) {
    const number = numbers[i];
    if (number === undefined || number === open?.number) continue;
    if (open) found.push([open.t, t[i], words[open.number]]);
    open = number === null ? null : { t: t[i], number };
  }
  if (open) found.push([open.t, Infinity, words[open.number]]);
  return found;
}

/** Draw the lanes of `rows`, each with its `words` and the `column` of the plot's table that has its numbers. */
export function lanes(plot, rows, { ink, mixed }) {
  const { ctx, bbox: { left, top, width, height } } = plot;
  const theme = document.documentElement.dataset.theme;
  const pixels = devicePixelRatio || 1;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  ctx.font = `${Math.round(11 * pixels)}px system-ui, sans-serif`;
  [ctx.textBaseline, ctx.textAlign] = ["middle", "left"];
  rows.forEach(({ words, column, until }, k) => {
    const lane = height / rows.length;
    const [y, tall] = [top + k * lane + Math.min(4, lane / 8), lane - Math.min(8, lane / 4)];
    for (const [from, to, word] of stretches(plot.data[0], plot.data[column], words)) {
      const [begin, end] = [from, Math.min(to, until ?? to)].map((t) => Math.max(left, Math.min(left + width, Number.isFinite(t) ? plot.valToPos(t, "x", true) : left + width)));
      if (end <= begin) continue;
      ctx.globalAlpha = mixed ? 0.22 : 0.5;
      ctx.fillStyle = paintOf(word, words, theme);
      ctx.fillRect(begin, y, Math.max(1, end - begin - 1), tall);
      ctx.globalAlpha = 1;
      ctx.fillRect(begin, y, Math.min(2 * pixels, end - begin), tall);
      if (ctx.measureText(word).width + 12 * pixels < end - begin && tall > 12 * pixels) {
        ctx.fillStyle = ink;
        ctx.fillText(word, begin + 6 * pixels, y + tall / 2);
      }
    }
  });
  ctx.restore();
}
