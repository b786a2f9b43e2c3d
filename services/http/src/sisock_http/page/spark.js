// A curve so small that it has no axes: its shape, and where its extremes are.

/**
 * A path of samples within `width` × `height`, `{path, low, high, marks}`; null if there is nothing to draw.
 *
 * Times are from `start` to `end`, in UNIX seconds. `marks` are where the extremes are. A pause longer than `most` is one.
 */
export function spark({ t, values }, start, end, width, height, most) {
  const drawn = [];
  for (let i = 0; i < t.length; i++) {
    const value = typeof values[i] === "number" ? values[i] : NaN;
    if (Number.isFinite(value) && t[i] >= start && t[i] <= end) drawn.push([t[i], value]);
  }
  if (!drawn.length) return null;
  let [least, greatest] = [drawn[0], drawn[0]];
  for (const one of drawn) {
    if (one[1] < least[1]) least = one;
    if (one[1] > greatest[1]) greatest = one;
  }
  const [low, high] = [least[1], greatest[1]];
  const round = (number) => Math.round(10 * number) / 10;
  const place = ([moment, value]) => [
    round(((moment - start) / (end - start)) * width),
    round(high > low ? height * (1 - (value - low) / (high - low)) : height / 2),
  ];
  let path = "";
  drawn.forEach((one, i) => {
    path += `${i && one[0] - drawn[i - 1][0] <= most ? "L" : "M"}${place(one).join(" ")}`;
  });
  return { path, low, high, marks: high > low ? [place(least), place(greatest)] : [place(drawn[drawn.length - 1])] };
}
