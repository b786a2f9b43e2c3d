// What stands beside an axis: labels that are never equal, as many digits as their distance needs, powers where shorter.

const MOST_DIGITS = 17; // a float has no more
const SUPERSCRIPT = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
const PLAIN_LEAST = 1e-3; // from here on numbers are shorter without a power
const PLAIN_MOST = 1e5;
const CLOSE = 1e-3; // of the distance of two ticks: a label may be off by so much

/** `10⁻⁶`. */
export const power = (exponent) => `10${[...String(exponent)].map((one) => SUPERSCRIPT[one]).join("")}`;

/** The power of ten, a multiple of three, that ticks are best counted in; 0 for none. */
export function exponentOf(splits) {
  const most = Math.max(...splits.map(Math.abs));
  if (!Number.isFinite(most) || most === 0 || (most >= PLAIN_LEAST && most < PLAIN_MOST)) return 0;
  return 3 * Math.floor(Math.log10(most * (1 + 1e-12)) / 3);
}

/** Labels of evenly spaced ticks, counted in `10^exponent`. */
export function labels(splits, exponent = exponentOf(splits)) {
  const counted = splits.map((split) => split / 10 ** exponent);
  const steps = counted.slice(1).map((value, i) => Math.abs(value - counted[i])).filter((step) => step > 0);
  const step = Math.min(...steps);
  const magnitude = Math.max(...counted.map(Math.abs));
  for (let decimals = 0; decimals <= MOST_DIGITS; decimals++) {
    const written = counted.map((value) => unsigned(value.toFixed(decimals)));
    const exact = counted.every((value, i) => Math.abs(Number(written[i]) - value) <= CLOSE * (steps.length ? step : magnitude));
    if (new Set(written).size === new Set(counted).size && (exact || !magnitude)) return written;
  }
  return counted.map(String);
}

/** Labels of an axis of decades; those that uPlot leaves out are null. */
export const decades = (splits) => splits.map((split) => (split === null ? "" : decade(split)));

function decade(value) {
  const exponent = Math.floor(Math.log10(value) + 1e-9);
  if (exponent >= -3 && exponent <= 4) return String(Number(value.toPrecision(3)));
  const mantissa = Number((value / 10 ** exponent).toPrecision(3));
  return mantissa === 1 ? power(exponent) : `${mantissa}·${power(exponent)}`;
}

/** What stands along the axis: the unit, once, with its power. */
export function caption(units, exponent) {
  if (!exponent) return units ?? "";
  return units ? `${power(exponent)} ${units}` : `× ${power(exponent)}`;
}

const unsigned = (text) => (/^-0(\.0*)?$/.test(text) ? text.slice(1) : text);

/** A value among others, in few characters: four digits, a power where shorter. */
export function short(value, digits = 4) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= PLAIN_LEAST && size < 10 ** Math.max(6, digits)) return String(Number(value.toPrecision(digits)));
  const exponent = Math.floor(Math.log10(size));
  return `${Number((value / 10 ** exponent).toPrecision(digits))}·${power(exponent)}`;
}
