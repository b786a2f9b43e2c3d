// Fingers on a plot: one moves along the time axis, two stretch it. Up and down still scroll the page.

/** Let fingers change the range of a plot; `done(start, end)` is called when they are lifted. */
export function follow(plot, done) {
  const { over } = plot;
  let held = null; // times under the fingers

  const places = (touches) => {
    const { left } = over.getBoundingClientRect();
    return [...touches].slice(0, 2).map((touch) => touch.clientX - left).sort((a, b) => a - b);
  };
  over.addEventListener("touchstart", ({ touches }) => {
    held = { times: places(touches).map((x) => plot.posToVal(x, "x")), moved: held?.moved ?? false };
  }, { passive: true });
  over.addEventListener("touchmove", (event) => {
    const at = places(event.touches);
    if (!held || at.length !== held.times.length) return;
    const { min, max } = plot.scales.x;
    const [first, last] = held.times;
    const perPixel = at.length === 2 ? (last - first) / Math.max(10, at[1] - at[0]) : (max - min) / over.clientWidth;
    const start = first - perPixel * at[0];
    held.moved = true;
    plot.setScale("x", { min: start, max: start + perPixel * over.clientWidth });
    if (event.cancelable) event.preventDefault();
  }, { passive: false });
  over.addEventListener("touchend", ({ touches }) => {
    if (touches.length) {
      held = { times: places(touches).map((x) => plot.posToVal(x, "x")), moved: held?.moved ?? false };
      return;
    }
    const moved = held?.moved;
    held = null;
    if (moved) done(plot.scales.x.min, plot.scales.x.max);
  });
}
