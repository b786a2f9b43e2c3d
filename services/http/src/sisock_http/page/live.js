// What is new, as it comes: one stream for the page, of states and of the samples that are seen; by asking where a
// proxy cuts streams or holds them back.
import { data, latest, opened, Trouble } from "./server.js";
import { inPieces } from "./tree.js";

const HELLO_MS = 5000; // until the first word of a stream
const QUIET_MS = 40000; // between two words of it
const SHORT_MS = 10000; // a stream that ends sooner was cut
const MOST_CUT = 3;
const AGAIN_MS = 300000; // from giving up streams to the next try
const ASK_MS = 5000;
const LEAST_ASK_MS = 2000;
const SETTLE_MS = 400;
const PAUSE_MS = 1000;
const ABSENT_MS = 60000; // between looks for a bridge that knows of watch
const ASKED_POINTS = 600;
const BACK_S = 60; // so far back are samples asked for of a field that has none

/** Events in a piece of a stream of server-sent events: `[[event, data]]`, and what is left over. */
export function eventsIn(text) {
  const parts = text.split("\n\n");
  const rest = parts.pop();
  const found = [];
  for (const part of parts) {
    const lines = part.split("\n");
    const of = (name) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
    if (of("data") !== undefined) found.push([of("event") ?? "message", JSON.parse(of("data"))]);
  }
  return [found, rest];
}

export class Live {
  /**
   * `watched` is kept up to date. `wants()` is `{fields: [[name, since]], every, newest}`: of which fields samples are
   * wanted, each so many seconds, all since or the newest alone. `took(series)`, `[name, t, values]` each, `status(told)`
   * and `changed()` are called as things come, `lost()` when a stream ends by itself.
   */
  constructor(watched, { wants, took, status, changed, lost }) {
    Object.assign(this, { watched, wants, took, status, changed, lost });
    this.cut = 0;
    this.mode = "";
    this.timer = 0;
    this.asking = null;
    this.noStreams = -Infinity;
    this.run = 0;
    document.addEventListener("visibilitychange", () => this.begin());
    window.addEventListener("pagehide", () => this.end());
  }

  /** Whether news come by themselves. */
  get streams() {
    return this.mode === "stream";
  }

  end() {
    clearTimeout(this.timer);
    this.asking?.abort();
    this.asking = null;
    this.run += 1;
    this.mode = "";
  }

  /** Begin anew: by a stream, unless those do not last here. */
  begin() {
    this.end();
    if (document.hidden) return;
    if (performance.now() - this.noStreams < AGAIN_MS) this.ask(this.run);
    else this.stream(this.run);
  }

  /** Others than before may be seen. */
  want() {
    if (document.hidden || this.keyOf(this.wants()) === this.key) return;
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.keyOf(this.wants()) !== this.key && this.begin(), SETTLE_MS);
  }

  keyOf({ fields, every, newest }) {
    return JSON.stringify([fields.map(([name]) => name).sort(), every, newest]);
  }

  async states() {
    try {
      await this.watched.ask();
      return true;
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      this.watched.lost(error.status ? "nobody watches" : error.message);
      return error.status !== 404;
    } finally {
      this.changed();
    }
  }

  async stream(run) {
    const wanted = this.wants();
    this.key = this.keyOf(wanted);
    this.mode = "opening";
    await this.states();
    if (run !== this.run) return;
    const asking = new AbortController();
    this.asking = asking;
    let silent = setTimeout(() => asking.abort("silent"), HELLO_MS);
    const begun = performance.now();
    let heard = false;
    try {
      const { seq, epoch } = this.watched;
      const { fields, every, newest } = wanted;
      const reply = await opened({
        states: { since: seq, epoch }, every, newest, fields: fields.map(([name]) => name), since: fields.map(([, since]) => since),
      }, asking.signal);
      const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        clearTimeout(silent);
        silent = setTimeout(() => asking.abort("silent"), QUIET_MS);
        [heard, this.mode] = [true, "stream"];
        const [events, rest] = eventsIn(text + value);
        text = rest;
        for (const [name, told] of events) this.hear(name, told, wanted.fields);
      }
    } catch (error) {
      if (error instanceof Trouble && error.status && error.status !== 503) this.noStreams = performance.now();
      else if (!(error instanceof Trouble) && error.name === "SyntaxError") throw error;
    } finally {
      clearTimeout(silent);
    }
    if (run !== this.run) return;
    this.mode = "";
    this.cut = performance.now() - begun < SHORT_MS ? this.cut + 1 : 0;
    if (this.cut >= MOST_CUT || (!heard && asking.signal.reason === "silent")) this.noStreams = performance.now();
    this.lost();
    this.timer = setTimeout(() => this.begin(), PAUSE_MS * (0.5 + Math.random()));
  }

  hear(name, told, fields) {
    if (name === "status") this.status(told);
    else if (name === "samples") this.took(told.series.map(([i, t, values]) => [fields[i][0], t, values]));
    else if (name === "unknown") {
      this.watched.lost(told.why);
      this.changed();
    } else if (name === "changes") {
      if (!this.watched.continues(told) || told.more) this.states();
      else {
        this.watched.take(told);
        this.changed();
      }
    }
  }

  /** Ask instead, for the same: what is new since the last time. */
  async ask(run) {
    this.mode = "asking";
    const begun = performance.now();
    const { fields, every, newest } = this.wants();
    this.key = this.keyOf({ fields, every, newest });
    let knows = true;
    if (begun - (this.absent ?? -Infinity) > ABSENT_MS) knows = await this.states();
    if (!knows) this.absent = begun;
    try {
      for (const names of newest ? inPieces(fields.map(([one]) => one)) : []) {
        const found = await latest(names);
        if (run === this.run) this.took(found.map(({ field, time, value }) => [field, time === null ? [] : [time], [value]]));
      }
      const since = new Map(fields);
      for (const names of newest ? [] : inPieces(fields.map(([one]) => one))) {
        const now = Date.now() / 1000;
        const start = Math.min(...names.map((one) => since.get(one) ?? now - BACK_S));
        const found = await data(names, start, now + BACK_S, ASKED_POINTS);
        if (run === this.run) this.took(found.map(({ field, t, values }) => [field, t, values]));
      }
    } catch (error) {
      if (!(error instanceof Trouble)) throw error; // the top line says what is away
    }
    if (run !== this.run) return;
    const again = performance.now() - this.noStreams >= AGAIN_MS;
    this.timer = setTimeout(() => (again ? this.begin() : this.ask(this.run)), fields.length ? Math.max(LEAST_ASK_MS, 1000 * every) : ASK_MS);
  }
}
