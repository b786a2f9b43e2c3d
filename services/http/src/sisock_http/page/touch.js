// Fingers on a plot: one moves along the time axis, two stretch it; one that rests first reads values, which stand
// above it. Up and down still scroll the page.
import { element } from "./element.js";

const REST_MS = 350;
const STILL = 8; // px that a finger may move and rest all the same
const ABOVE = 64; // px
const ASIDE = 32;
const EDGE = 4; // of the screen

/** Let fingers change the range of a plot; `done(start, end)` is called when they are lifted; `told()` is what the cursor says. */
export function follow(plot, done, told) {
  const { over } = plot;
  const bubble = element("div", { className: "bubble", hidden: true });
  over.append(bubble);
  let held = null; // times under the fingers
  let timer = 0;

  const places = (touches) => {
    const { left } = over.getBoundingClientRect();
    return [...touches].slice(0, 2).map((touch) => touch.clientX - left).sort((a, b) => a - b);
  };
  const read = (touch) => {
    const { left, top, width } = over.getBoundingClientRect();
    const [x, y] = [Math.max(0, Math.min(width, touch.clientX - left)), touch.clientY - top];
    plot.setCursor({ left: x, top: y });
    const words = told();
    bubble.hidden = !words;
    if (!words) return;
    bubble.replaceChildren(...[words.at, ...words.values].map((line) => element("span", { textContent: line })));
    // Above the finger; where there is no room for that, beside it.
    const least = (document.querySelector("header")?.getBoundingClientRect().bottom ?? 0) + EDGE - top;
    const above = y - ABOVE - bubble.offsetHeight;
    const wide = bubble.offsetWidth;
    const [first, last] = [EDGE - left, window.innerWidth - EDGE - left - wide];
    const aside = x > width / 2 ? x - ASIDE - wide : x + ASIDE;
    bubble.style.left = `${Math.max(first, Math.min(last, above >= least ? x - wide / 2 : aside))}px`;
    bubble.style.top = `${Math.max(least, above)}px`;
  };
  over.addEventListener("touchstart", ({ touches }) => {
    clearTimeout(timer);
    held = { times: places(touches).map((x) => plot.posToVal(x, "x")), at: places(touches), moved: held?.moved ?? false, reading: false };
    const [first] = touches;
    if (touches.length === 1) {
      timer = setTimeout(() => {
        if (!held || held.moved) return;
        held.reading = true;
        read(first);
      }, REST_MS);
    }
  }, { passive: true });
  over.addEventListener("touchmove", (event) => {
    const at = places(event.touches);
    if (!held || at.length !== held.times.length) return;
    if (event.cancelable) event.preventDefault();
    if (held.reading) {
      read(event.touches[0]);
      return;
    }
    if (!held.moved && at.length === 1 && Math.abs(at[0] - held.at[0]) < STILL) return;
    clearTimeout(timer);
    const { min, max } = plot.scales.x;
    const [first, last] = held.times;
    const perPixel = at.length === 2 ? (last - first) / Math.max(10, at[1] - at[0]) : (max - min) / over.clientWidth;
    const start = first - perPixel * at[0];
    held.moved = true;
    plot.setScale("x", { min: start, max: start + perPixel * over.clientWidth });
  }, { passive: false });
  const lifted = ({ touches }) => {
    clearTimeout(timer);
    if (touches.length) {
      held = { times: places(touches).map((x) => plot.posToVal(x, "x")), at: places(touches), moved: held?.moved ?? false, reading: false };
      return;
    }
    const moved = held?.moved;
    const reading = held?.reading;
    held = null;
    if (reading) setTimeout(() => { bubble.hidden = true; }, 2000);
    if (moved) done(plot.scales.x.min, plot.scales.x.max);
  };
  over.addEventListener("touchend", lifted);
  over.addEventListener("touchcancel", lifted);
}
