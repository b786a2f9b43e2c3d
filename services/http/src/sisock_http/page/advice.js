// What to look at when something is wrong: one sentence, from what is known of the field, its node and its neighbours.

const HERE = ["fresh", "late", "ahead", "warning", "alarm"];

/** Where to begin with a field in trouble; `siblings` are all standings of its node. */
export function advice({ kind, field, groups }, siblings) {
  const others = siblings.filter((one) => one.field.field !== field.field);
  const coming = others.filter((one) => HERE.includes(one.kind)).length;
  if (kind === "silent" || kind === "late") {
    if (!others.length) return `look at what feeds ${field.node}, and at its log`;
    if (coming) return `${coming} other ${coming === 1 ? "field" : "fields"} of ${field.node} still ${coming === 1 ? "comes" : "come"}: look at this sensor, its cable, its channel`;
    return `nothing of ${field.node} comes: look at what feeds it, and at its log`;
  }
  if (kind === "gone") return field.interval === null && !field.type ? `look whether its name in the site's file is right, and its node runs` : `look at the log of ${field.node}`;
  if (kind === "ahead") return `look at the clock (NTP) of the host that stamps ${field.node}`;
  if (kind === "alarm" || kind === "warning") return groups.length ? `look at it beside the rest of ${groups.join(", ")}` : `look at it beside the rest of ${field.node}`;
  return "";
}

/** Where to begin with a node that is lost. */
export const adviceOnNode = (name) => `look whether ${name} runs, and at its log`;
