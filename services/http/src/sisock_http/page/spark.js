// A curve so small that it has no axes: its shape, where its extremes are, what was a day before, and its limits.

const NEAR = 0.75; // of the curve's height: so far beside it a limit is still shown

/**
 * Paths of samples within `width` × `height`, `{path, before, limits, low, high, marks}`; null if there is nothing to draw.
 *
 * Times are from `start` to `end`, in UNIX seconds; those of `earlier` were moved there. `marks` are where the extremes
 * are. A pause longer than `most` is one. `bounds` are limits, `{value, tone}`; those far from the curve are left out.
 */
export function spark({ t, values }, start, end, width, height, most, { earlier = null, bounds = [] } = {}) {
  const drawn = within(t, values, start, end);
  if (!drawn.length) return null;
  let [least, greatest] = [drawn[0], drawn[0]];
  for (const one of drawn) {
    if (one[1] < least[1]) least = one;
    if (one[1] > greatest[1]) greatest = one;
  }
  const past = earlier ? within(earlier.t, earlier.values, start, end) : [];
  const all = [least[1], greatest[1], ...past.map(([, value]) => value)];
  let [low, high] = [Math.min(...all), Math.max(...all)];
  const reach = NEAR * (high - low) || NEAR * Math.abs(high) || 1;
  const shown = bounds.filter(({ value }) => value >= low - reach && value <= high + reach);
  low = Math.min(low, ...shown.map(({ value }) => value));
  high = Math.max(high, ...shown.map(({ value }) => value));
  const round = (number) => Math.round(10 * number) / 10;
  const y = (value) => round(high > low ? height * (1 - (value - low) / (high - low)) : height / 2);
  const place = ([moment, value]) => [round(((moment - start) / (end - start)) * width), y(value)];
  return {
    path: pathOf(drawn, place, most), before: past.length ? pathOf(past, place, most) : "", limits: shown.map(({ value, tone }) => ({ y: y(value), tone })),
    low: least[1], high: greatest[1], marks: greatest[1] > least[1] ? [place(least), place(greatest)] : [place(drawn[drawn.length - 1])],
  };
}

function within(t, values, start, end) {
  const found = [];
  for (let i = 0; i < t.length; i++) {
    const value = typeof values[i] === "number" ? values[i] : NaN;
    if (Number.isFinite(value) && t[i] >= start && t[i] <= end) found.push([t[i], value]);
  }
  return found;
}

function pathOf(points, place, most) {
  let path = "";
  points.forEach((one, i) => {
    path += `${i && one[0] - points[i - 1][0] <= most ? "L" : "M"}${place(one).join(" ")}`;
  });
  return path;
}

/** Limits of a field, as watch has them, to be drawn as lines. */
export const boundsOf = (limits) => ["warning", "alarm"].flatMap((kind) => ["low", "high"]
  .filter((side) => typeof limits?.[kind]?.[side] === "number").map((side) => ({ value: limits[kind][side], tone: kind === "alarm" ? "red" : "amber" })));
