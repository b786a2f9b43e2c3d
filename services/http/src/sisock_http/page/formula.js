// Curves made of others: `a - b`, `a / b`, `mean(a, 60 s)`. Among the names of a panel such a formula begins with `=`,
// which no field does.

const UNITS = { s: 1, min: 60, m: 60, h: 3600, d: 86400 };
const MEAN = /^mean\(\s*(.+?)\s*,\s*(\d+(?:\.\d+)?)\s*(s|min|m|h|d)\s*\)$/;
const LETTERS = /^([a-z])\s*([-/])\s*([a-z])$/;
const PAIR = /^(.+?)\s+([-/])\s+(.+)$/;

export const isFormula = (name) => name.startsWith("=");

/** What a name says to do: `{kind, fields, seconds}`, kind being `-`, `/` or `mean`; null of what is no formula. */
export function parsed(name) {
  if (!isFormula(name)) return null;
  const text = name.slice(1);
  const mean = MEAN.exec(text);
  if (mean) return { kind: "mean", fields: [mean[1]], seconds: Number(mean[2]) * UNITS[mean[3]] };
  const pair = PAIR.exec(text);
  return pair ? { kind: pair[2], fields: [pair[1], pair[3]], seconds: 0 } : null;
}

/** The fields that a name is made of: itself, if it is one. */
export const fieldsOf = (name) => (isFormula(name) ? parsed(name)?.fields ?? [] : [name]);

export const nodesOf = (names) => [...new Set(names.flatMap(fieldsOf).map((field) => field.split("::")[0]))];

/** A name without nodes, where there is but one, and without the sign of a formula. */
export function brief(name, nodes) {
  const plain = isFormula(name) ? name.slice(1) : name;
  return nodes.length === 1 ? plain.replaceAll(`${nodes[0]}::`, "") : plain;
}

/** The name of a formula that somebody typed, in which `a`, `b` ... are a panel's fields; null if it is none. */
export function typed(text, fields) {
  const given = text.trim().replace(/^=\s*/, "").replaceAll("−", "-");
  const field = (one) => (one.includes("::") ? one : one.length === 1 ? fields["abcdefghijklmnopqrstuvwxyz".indexOf(one)] : undefined);
  const mean = MEAN.exec(given);
  if (mean) return field(mean[1]) && Number(mean[2]) > 0 ? `=mean(${field(mean[1])}, ${Number(mean[2])} ${mean[3] === "m" ? "min" : mean[3]})` : null;
  const pair = LETTERS.exec(given) ?? PAIR.exec(given);
  const [left, right] = pair ? [field(pair[1]), field(pair[3])] : [];
  return left && right ? `=${left} ${pair[2]} ${right}` : null;
}
