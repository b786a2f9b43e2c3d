// Layouts: views by name, kept in this browser, or as a file to hand on.
import { element } from "./element.js";

const PLACE = "sisock.layouts";

/** Layouts by name, each the query of an address; what is no such thing is passed over. */
export function readable(text) {
  try {
    const given = JSON.parse(text);
    return Object.fromEntries(Object.entries(given).filter(([name, query]) => name && typeof query === "string" && (query === "" || query.startsWith("?"))));
  } catch {
    return {};
  }
}

function stored() {
  try {
    return readable(localStorage.getItem(PLACE) ?? "{}");
  } catch {
    return {};
  }
}

/** Show the layouts; `query` is that of what is shown now, `open(query)` shows another. */
export function layouts(query, open) {
  let kept = stored();
  const list = element("ul", {});
  const name = element("input", { placeholder: "a name for what is shown", ariaLabel: "Name", maxLength: 60 });
  const file = element("input", { type: "file", accept: "application/json,.json", hidden: true });
  const keep = (next) => {
    kept = next;
    try {
      localStorage.setItem(PLACE, JSON.stringify(kept));
    } catch {
      // a browser that keeps nothing: they last as long as this list is open
    }
    fill();
  };
  const fill = () => list.replaceChildren(...Object.keys(kept).sort().map((one) => element("li", {},
    element("button", { type: "button", textContent: one, onclick: () => { box.close(); open(kept[one]); } }),
    element("button", { type: "button", className: "quiet", textContent: "×", ariaLabel: `Forget ${one}`, onclick: () => { const { [one]: gone, ...others } = kept; keep(others); } }))));
  const save = element("button", { type: "submit", className: "main", textContent: "Keep" });
  const form = element("form", { method: "dialog" }, element("h2", { textContent: "Layouts" }), list, element("p", {}, name, save),
    element("p", {},
      element("button", { type: "button", textContent: "Save as file", onclick: () => {
        const href = URL.createObjectURL(new Blob([JSON.stringify(kept, null, 2)], { type: "application/json" }));
        element("a", { href, download: "sisock-layouts.json" }).click();
        setTimeout(() => URL.revokeObjectURL(href), 10000);
      } }),
      element("button", { type: "button", textContent: "Read a file", onclick: () => file.click() }), file,
      element("button", { type: "button", textContent: "Close", onclick: () => box.close() })));
  const box = element("dialog", { className: "form", ariaLabel: "Layouts" }, form);
  file.addEventListener("change", async () => keep({ ...kept, ...readable(await file.files[0].text()) }));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (name.value.trim()) keep({ ...kept, [name.value.trim()]: query });
    name.value = "";
  });
  box.addEventListener("close", () => box.remove());
  fill();
  document.body.append(box);
  box.showModal();
  name.focus();
}
