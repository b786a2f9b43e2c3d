// A panel as a picture that explains itself: title, names and units, times with their zone.
import { colour, DASHES, PALETTES } from "./colours.js";
import { brief, nodesOf } from "./formula.js";
import { paintOf, stretches } from "./lanes.js";
import { write, zoneName } from "./moments.js";
import { FONT } from "./plotting.js";
import { caption } from "./ticks.js";

const MARGIN = 12;
const LINE = 20;

/** What a picture says above its curves: title, then a line for each field. */
export function headings(panel, zone) {
  const { min, max } = panel.plot.scales.x;
  const title = `${nodesOf(panel.names).join(", ")}, ${write(min, zone)} to ${write(max, zone)} ${zoneName(zone, max)}`;
  return { title, fields: panel.drawn.map(({ answer, place }) => ({ text: `${brief(answer.field, [])}${answer.units ? ` [${answer.units}]` : ""}`, place })) };
}

/** The panel as PNG, as sharp as it is on the screen. */
export async function png(panel, zone) {
  const { plot } = panel;
  const source = plot.ctx.canvas;
  const pixels = source.width / plot.width;
  const { title, fields } = headings(panel, zone);
  const canvas = document.createElement("canvas");
  const top = MARGIN + LINE * (1 + fields.length) + 4;
  const below = panel.last ? 0 : LINE; // the time axis of all is the last panel's
  [canvas.width, canvas.height] = [source.width + 2 * MARGIN * pixels, source.height + (top + below + MARGIN) * pixels];
  const ctx = canvas.getContext("2d");
  const style = getComputedStyle(document.documentElement);
  ctx.fillStyle = style.getPropertyValue("--paper");
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  ctx.scale(pixels, pixels);
  ctx.textBaseline = "top";
  ctx.fillStyle = style.getPropertyValue("--ink");
  ctx.font = `600 14px system-ui, sans-serif`;
  ctx.fillText(title, MARGIN, MARGIN);
  ctx.font = FONT;
  fields.forEach(({ text, place }, i) => {
    const y = MARGIN + LINE * (i + 1) + 4;
    ctx.fillStyle = colour(place);
    ctx.fillRect(MARGIN, y + 5, 14, 3);
    ctx.fillStyle = style.getPropertyValue("--ink");
    ctx.fillText(text, MARGIN + 20, y);
  });
  ctx.drawImage(source, MARGIN, top, plot.width, plot.height);
  if (below) {
    ctx.textAlign = "center";
    for (const { x, text } of timeLabels(plot, zone)) ctx.fillText(text, MARGIN + plot.bbox.left / pixels + x, top + (plot.bbox.top + plot.bbox.height) / pixels + 6);
  }
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

/** Labels of the time axis, each `x` pixels from its begin. */
function timeLabels(plot, zone) {
  const { min, max } = plot.scales.x;
  const from = max - min > 172800 ? 5 : 11;
  const to = max - min > 172800 ? 10 : max - min < 7200 ? 19 : 16;
  return (plot.axes[0]._splits ?? []).filter((split) => split !== null).map((split) => ({ x: plot.valToPos(split, "x"), text: write(split, zone).slice(from, to) }));
}

const escaped = (text) => String(text).replace(/[&<>"]/g, (one) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[one]);

/** The panel as SVG: lines that stay lines in whatever it is printed. */
export function svg(panel, zone) {
  const { plot } = panel;
  const { title, fields } = headings(panel, zone);
  const pixels = plot.ctx.canvas.width / plot.width;
  const [left, above, width, height] = ["left", "top", "width", "height"].map((key) => plot.bbox[key] / pixels);
  const top = MARGIN + LINE * (1 + fields.length) + 4 + above;
  const parts = [];
  const text = (x, y, content, more = "") => parts.push(`<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${escaped(content)}</text>`);
  text(MARGIN, MARGIN + 12, title, 'font-weight="600" font-size="14"');
  fields.forEach(({ text: name, place }, i) => {
    const y = MARGIN + LINE * (i + 1) + 14;
    parts.push(`<rect x="${MARGIN}" y="${y - 5}" width="14" height="3" fill="${colour(place)}"/>`);
    text(MARGIN + 20, y, name);
  });
  const base = `<clipPath id="frame"><rect x="${left}" y="${top}" width="${width}" height="${height}"/></clipPath>`;
  parts.push(base, `<rect x="${left}" y="${top}" width="${width}" height="${height}" fill="none" stroke="#888"/>`);
  for (const { x, text: label } of timeLabels(plot, zone)) text(left + x, top + height + 16, label, 'text-anchor="middle"');
  plot.axes.forEach((axis, i) => {
    const splits = axis._splits ?? [];
    const labels = i ? JSON.parse(panel.area.dataset.ticks ?? "{}")[axis.scale] ?? [] : [];
    splits.forEach((split, k) => {
      if (split === null) return;
      const at = plot.valToPos(split, axis.scale);
      if (i === 0) {
        parts.push(`<path d="M${(left + at).toFixed(1)} ${top}v${height}" stroke="#888" stroke-opacity=".3"/>`);
      } else {
        if (i === 1) parts.push(`<path d="M${left} ${(top + at).toFixed(1)}h${width}" stroke="#888" stroke-opacity=".3"/>`);
        text(axis.side === 1 ? left + width + 6 : left - 6, top + at + 4, labels[k] ?? "", `text-anchor="${axis.side === 1 ? "start" : "end"}"`);
      }
    });
    const units = i && panel.drawn.find(({ scale, words }) => scale === axis.scale && !words)?.answer.units;
    if (i && (units || panel.exponents[axis.scale])) {
      const x = axis.side === 1 ? left + width + 50 : MARGIN + 4;
      text(x, top + height / 2, caption(units, panel.shape.log ? 0 : panel.exponents[axis.scale]), `text-anchor="middle" transform="rotate(-90 ${x} ${top + height / 2})"`);
    }
  });
  const rows = panel.drawn.filter(({ words }) => words);
  panel.drawn.forEach((one) => {
    const { words, column, place, scale, band, table, until } = one;
    if (words) {
      const lane = height / rows.length;
      const y = top + rows.indexOf(one) * lane + 3;
      for (const [from, to, word] of stretches(plot.data[0], plot.data[column], words)) {
        const [x, end] = [from, Math.min(to, until ?? to)].map((t) => left + Math.max(0, Math.min(width, Number.isFinite(t) ? plot.valToPos(t, "x") : width)));
        if (end <= x) continue;
        parts.push(`<rect x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${(end - x).toFixed(1)}" height="${(lane - 6).toFixed(1)}" fill="${paintOf(word, words, "light")}" fill-opacity=".5"/>`);
        if (end - x > 8 * word.length + 8) text(x + 6, y + lane / 2, word);
      }
      return;
    }
    const dash = DASHES[Math.floor(place / PALETTES.light.length) % DASHES.length].join(" ");
    for (const values of band ? [table[1], table[2]] : [table[1]]) {
      let d = "";
      let pen = "M";
      table[0].forEach((t, i) => {
        if (values[i] === null) {
          pen = "M";
          return;
        }
        d += `${pen}${(left + plot.valToPos(t, "x")).toFixed(1)} ${(top + plot.valToPos(values[i], scale)).toFixed(1)}`;
        pen = "L";
      });
      parts.push(`<path clip-path="url(#frame)" d="${d}" fill="none" stroke="${colour(place)}" stroke-width="1.5"${dash ? ` stroke-dasharray="${dash}"` : ""}/>`);
    }
  });
  const [wide, tall] = [plot.width + 2 * MARGIN, top + height + 34];
  const paper = getComputedStyle(document.documentElement).getPropertyValue("--paper");
  const ink = getComputedStyle(document.documentElement).getPropertyValue("--ink");
  return new Blob([`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${wide} ${tall.toFixed(0)}" width="${wide}" height="${tall.toFixed(0)}" `
    + `font-family="system-ui, sans-serif" font-size="12" fill="${ink}"><title>${escaped(title)}</title><rect width="100%" height="100%" fill="${paper}"/>${parts.join("")}</svg>`], { type: "image/svg+xml" });
}
