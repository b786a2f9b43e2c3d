// Reads replies to /query, a line each, as Grafana's data sources do, and writes what Grafana makes of them.
const { Window } = require("happy-dom");
const window = new Window();
for (const name of ["window", "document", "navigator", "localStorage", "HTMLElement"]) {
  Object.defineProperty(globalThis, name, { value: name === "window" ? window : window[name], configurable: true });
}
const { getFieldDisplayName, toDataFrame } = require("@grafana/data");
const { createInterface } = require("node:readline");

const shown = (reply) => {
  const frames = reply.map(toDataFrame);
  return frames.map((frame) => ({
    name: frame.name ?? null,
    refId: frame.refId ?? null,
    length: frame.length,
    notices: (frame.meta?.notices ?? []).map((notice) => notice.text),
    fields: frame.fields.map((field) => ({
      name: field.name,
      display: getFieldDisplayName(field, frame, frames),
      type: field.type,
      unit: field.config.unit ?? null,
      labels: field.labels ?? {},
      values: Array.from(field.values),
    })),
  }));
};
createInterface({ input: process.stdin }).on("line", (line) => {
  process.stdout.write(`${JSON.stringify(shown(JSON.parse(line)))}\n`);
});
