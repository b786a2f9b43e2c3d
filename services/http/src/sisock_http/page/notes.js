// A note: a sentence at a time, or for the range that is shown, kept with the events.
import { element } from "./element.js";
import { parse, typed } from "./moments.js";
import { note, Trouble } from "./server.js";

const AUTHOR = "sisock.author";

/** Ask for a note; `at` is the time that it is about, `range` what is shown, `targets` what it may be about. Then `done()`. */
export function write({ at, range, targets, zone }, done) {
  const text = element("textarea", { rows: 3, maxLength: 2000, required: true, ariaLabel: "Note" });
  const author = element("input", { size: 14, maxLength: 60, value: remembered(), autocomplete: "name" });
  const target = element("select", {}, element("option", { value: "", textContent: "the observatory" }),
    ...targets.map((name) => element("option", { value: name, textContent: name.replace("::", " · ") })));
  const moment = element("input", { size: 26, value: typed(at, zone) });
  const until = element("input", { size: 26, placeholder: "a moment", value: "" });
  const whole = range ? [element("button", { type: "button", textContent: "all that is shown", onclick: () => {
    [moment.value, until.value] = range.map((t) => typed(t, zone));
  } })] : [];
  const told = element("p", { className: "note", role: "alert", hidden: true });
  const labelled = (name, ...inputs) => element("label", {}, element("span", { textContent: name }), ...inputs);
  const send = element("button", { type: "submit", className: "main", textContent: "Keep" });
  const form = element("form", { method: "dialog" },
    element("h2", { textContent: "Note" }), text, labelled("about", target), labelled("from", moment), labelled("to", until), element("p", {}, ...whole),
    labelled("by", author), told, element("p", {}, send, element("button", { type: "button", textContent: "Cancel", onclick: () => box.close() })));
  const box = element("dialog", { className: "form", ariaLabel: "Note" }, form);
  const complain = (sentence) => {
    told.hidden = false;
    told.textContent = sentence;
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const [start, end] = [parse(moment.value), until.value.trim() ? parse(until.value) : null];
    if (start === null || (until.value.trim() && end === null)) return complain(`${start === null ? moment.value : until.value} is not a time.`);
    if (end !== null && end <= start) return complain("It ends before it begins.");
    send.disabled = true;
    try {
      localStorage.setItem(AUTHOR, author.value.trim());
    } catch {
      // a browser that keeps nothing
    }
    const exact = (t) => new Date(t * 1000).toISOString();
    try {
      const kept = await note({ text: text.value.trim(), target: target.value, author: author.value.trim(), time: exact(start), ...(end === null ? {} : { until: exact(end) }) });
      box.close();
      done(kept);
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      complain(error.message);
    }
    send.disabled = false;
    return undefined;
  });
  box.addEventListener("close", () => box.remove());
  document.body.append(box);
  box.showModal();
  text.focus();
}

function remembered() {
  try {
    return localStorage.getItem(AUTHOR) ?? "";
  } catch {
    return "";
  }
}
