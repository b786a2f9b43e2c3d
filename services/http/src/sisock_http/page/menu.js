// What else can be done with a panel: its scale, and to have it elsewhere.
import { element } from "./element.js";
import { typed } from "./formula.js";
import { address, wanted } from "./server.js";

const MOST_LETTERS = 8; // fields whose letters are told

/** Open the menu of a panel below a button; `change(edit)` changes its shape. */
export function menu(panel, button, page, change) {
  document.getElementById("panel-menu")?.remove();
  const [start, end] = page.range();
  const link = (format) => address("data", wanted(panel.fields, start, end, [["format", format]]));
  const close = () => box.hidePopover();
  const entry = (text, title, onclick) => element("button", { textContent: text, title, onclick: () => { onclick(); close(); } });
  const number = (label, value) => element("input", { type: "text", inputMode: "decimal", size: 8, value: value ?? "", placeholder: "as it is", ariaLabel: label });
  const [low, high] = [number("Least value", panel.shape.low), number("Greatest value", panel.shape.high)];
  const read = ({ value }) => (value.trim() && Number.isFinite(Number(value)) ? Number(value) : null);
  const scale = () => {
    const [from, to] = [read(low), read(high)];
    if (from === null || to === null || from < to) change((shape) => ({ ...shape, low: from, high: to }));
  };
  for (const one of [low, high]) one.addEventListener("change", scale);
  const letters = panel.fields.map((name, i) => `${"abcdefghijklmnopqrstuvwxyz"[i] ?? "…"} ${name.split("::")[1]}`).slice(0, MOST_LETTERS);
  const formula = element("input", { type: "text", size: 26, placeholder: "a - b, a / b, mean(a, 60 s)", ariaLabel: "Curve", title: letters.join("\n"), spellcheck: false, autocomplete: "off" });
  formula.addEventListener("change", () => {
    const name = typed(formula.value, panel.fields);
    formula.setCustomValidity(name || !formula.value.trim() ? "" : `no curve: a - b, a / b, mean(a, 60 s), where ${letters.join(", ")}`);
    if (!formula.reportValidity() || !name) return;
    change((shape) => ({ ...shape, names: [...new Set([...shape.names, name])] }));
    close();
  });
  const box = element("div", { id: "panel-menu", popover: "auto", role: "dialog", ariaLabel: "Panel" },
    element("p", {}, element("span", { textContent: "from" }), low, element("span", { textContent: "to" }), high),
    element("p", {}, element("span", { textContent: "curve" }), formula),
    element("p", { className: "about", textContent: letters.join(", ") }),
    element("div", {},
      entry("Copy link", "The address of what is shown", () => page.copy(location.href)),
      entry("PNG", "A picture, with title and units", () => save(panel, page, "png")),
      entry("SVG", "A drawing, with title and units", () => save(panel, page, "svg")),
      element("a", { className: "button", textContent: "CSV", title: "Every sample of this range", download: "sisock.csv", href: link("csv"), onclick: close }),
      element("a", { className: "button", textContent: "npz", title: "Every sample, for numpy", download: "sisock.npz", href: link("npz"), onclick: close })));
  document.body.append(box);
  box.addEventListener("toggle", ({ newState }) => newState === "closed" && box.remove());
  box.showPopover();
  const { right, bottom } = button.getBoundingClientRect();
  box.style.left = `${Math.max(4, right - box.offsetWidth)}px`;
  box.style.top = `${Math.min(bottom + 4, window.innerHeight - box.offsetHeight - 4)}px`;
}

async function save(panel, page, kind) {
  const picture = await import("./picture.js");
  const blob = kind === "svg" ? picture.svg(panel, page.view.zone) : await picture.png(panel, page.view.zone);
  const href = URL.createObjectURL(blob);
  element("a", { href, download: `sisock.${kind}` }).click();
  setTimeout(() => URL.revokeObjectURL(href), 10000);
}
