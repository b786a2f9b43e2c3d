// What the page asks of sisock-http. Addresses are relative, so that it may live behind a proxy's path.

const PATIENCE_MS = 20000;
const OURS = { "x-requested-with": "sisock" }; // who is not let in is asked for a token by this page, not by the browser
const TOKEN = /^[!-~]+$/;

/** A request that failed; `sentence` is for people, `status` is 0 if nobody answered. */
export class Trouble extends Error {
  constructor(sentence, status = 0) {
    super(sentence);
    this.status = status;
  }
}

async function get(path, parameters, signal, patience = PATIENCE_MS) {
  const signals = [AbortSignal.timeout(patience), ...(signal ? [signal] : [])];
  return answered(fetch(address(path, parameters), { headers: OURS, signal: anyOf(signals), cache: "no-store" }), signal);
}

async function answered(asked, signal) {
  let reply;
  try {
    reply = await asked;
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Trouble("The server of this page does not answer; trying again…");
  }
  if (reply.ok) return reply;
  const problem = await reply.json().catch(() => ({}));
  throw new Trouble(problem.error ?? `The server answered ${reply.status}.`, reply.status);
}

function anyOf(signals) {
  const either = new AbortController();
  for (const signal of signals) {
    if (signal.aborted) either.abort();
    signal.addEventListener("abort", () => either.abort(), { once: true });
  }
  return either.signal;
}

/** Address of a request: `parameters` are pairs of name and value. */
export function address(path, parameters = []) {
  const query = new URLSearchParams(parameters).toString();
  return `api/v1/${path}${query ? `?${query}` : ""}`;
}

export const status = async () => (await get("status", [], null, 5000)).json();

export const fields = async () => (await get("fields")).json();

export const latest = async (names) => (await get("latest", names.map((name) => ["field", name]))).json();

/** How fields are, as watch says; what changed since `seq` if that is of the same `epoch`. */
export const states = async (seq, epoch) => (await get("state", seq ? [["since", seq], ["epoch", epoch]] : [], null, 5000)).json();

/** A stream of what is new, as `live` reads it. */
export async function opened(wanted, signal) {
  return answered(fetch("api/v1/stream", { method: "POST", headers: { ...OURS, "content-type": "application/json" }, body: JSON.stringify(wanted), signal, cache: "no-store" }), signal);
}

/** Give a token to the bridge, and if it counts to the browser, which from then on gives it by itself. */
export async function introduce(token) {
  if (!TOKEN.test(token)) throw new Trouble("That is no token: it has letters, digits and signs, without blanks.");
  await answered(fetch(address("status"), { headers: { ...OURS, authorization: `Bearer ${token}` }, signal: AbortSignal.timeout(PATIENCE_MS), cache: "no-store" }));
  const asking = new XMLHttpRequest(); // fetch cannot tell a browser whom to be
  asking.open("GET", address("status"), true, "token", token);
  asking.timeout = PATIENCE_MS;
  await new Promise((resolve) => {
    asking.onloadend = resolve;
    asking.send();
  });
}

/** Have a note kept. */
export async function note(written) {
  return (await answered(fetch("api/v1/notes", { method: "POST", headers: { ...OURS, "content-type": "application/json" }, body: JSON.stringify(written), signal: AbortSignal.timeout(PATIENCE_MS) }))).json();
}

/** What happened since `start`, UNIX seconds, until `end`. */
export const events = async (start, most, end = null) => (
  await get("events", [["start", start.toFixed(0)], ["most", most], ...(end === null ? [] : [["end", end.toFixed(0)]])])).json();

/** Parameters of a request for data. */
export function wanted(names, start, end, more = []) {
  return [...names.map((name) => ["field", name]), ["start", start.toFixed(3)], ["end", end.toFixed(3)], ...more];
}

/**
 * Samples of fields: for each `{field, type, units, interval, notice, t, values}`, times in UNIX seconds.
 * At most `points` of each, every extreme among them, or what `more` says instead.
 */
export async function data(names, start, end, points, signal, more = [["max_points", points]]) {
  const parameters = wanted(names, start, end, [...more, ["format", "packed"]]);
  return unpack(await (await get("data", parameters, signal)).arrayBuffer());
}

function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let at = 4 + length;
  const column = (n) => {
    const values = new Float64Array(buffer, at, n);
    at += 8 * n;
    return values;
  };
  return head.series.map((entry) => {
    const t = column(entry.n);
    return { ...entry, t, values: entry.packed ? column(entry.n) : entry.values };
  });
}
