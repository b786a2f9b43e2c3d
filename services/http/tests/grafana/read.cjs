// Reads replies to /query on standard input as Grafana's data sources do, and writes what Grafana makes of them.
const { Window } = require("happy-dom");
const window = new Window();
for (const name of ["window", "document", "navigator", "localStorage", "HTMLElement"]) {
  Object.defineProperty(globalThis, name, { value: name === "window" ? window : window[name], configurable: true });
}
const { getFieldDisplayName, toDataFrame } = require("@grafana/data");
const { readFileSync } = require("node:fs");

const frames = JSON.parse(readFileSync(0, "utf8")).map(toDataFrame);
const shown = frames.map((frame) => ({
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
process.stdout.write(JSON.stringify(shown));
