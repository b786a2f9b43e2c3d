// What watch says of fields: taken from its stream of changes while somebody looks, asked for now and then otherwise.
import { address, states, Trouble } from "./server.js";

const STREAMED_MS = 60000; // a look beside the stream
const ASKED_MS = 5000;
const ABSENT_MS = 60000; // between looks for a bridge that knows of watch
const NO_WATCH = "nobody watches";

/** States by field and nodes by name, of one run of watch. */
export class Watched {
  constructor() {
    this.here = false;
    this.why = NO_WATCH;
    this.forget();
  }

  forget() {
    [this.epoch, this.seq, this.fields, this.nodes] = ["", 0, new Map(), new Map()];
  }

  /** Watch is away: what it said tells nothing of now. */
  lost(why) {
    this.here = false;
    this.why = why || NO_WATCH;
    this.forget();
  }

  /** Take in an answer; another run of watch tells everything anew. */
  take(told) {
    if (!told.watch) return this.lost(told.why);
    if (told.epoch !== this.epoch) this.forget();
    if (told.seq < this.seq) return;
    for (const one of told.fields) for (const name of new Set([one.field, ...one.holders])) this.fields.set(name, one);
    for (const one of told.nodes) this.nodes.set(one.name, one);
    [this.here, this.why, this.epoch, this.seq] = [true, "", told.epoch, told.seq];
  }

  /** Whether changes go on from what is known here. */
  continues(told) {
    return this.here && told.watch && told.epoch === this.epoch;
  }

  async ask() {
    let told;
    do {
      told = await states(this.seq, this.epoch);
      this.take(told);
    } while (told.watch && told.more);
  }
}

/** Keep `watched` up to date; `changed` is called whenever it may be different. */
export function follow(watched, changed) {
  let stream = null;
  let timer = 0;

  async function ask() {
    clearTimeout(timer);
    let wait = ASKED_MS;
    try {
      await watched.ask();
      listen();
      if (stream) wait = STREAMED_MS;
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      watched.lost(error.status ? NO_WATCH : error.message);
      if (error.status === 404) wait = ABSENT_MS;
    }
    clearTimeout(timer);
    timer = setTimeout(ask, wait);
    changed();
  }

  // A browser has six connections to a server, so a page that nobody sees has none for itself.
  function listen() {
    if (stream || document.hidden) return;
    stream = new EventSource(address("stream"));
    stream.addEventListener("changes", ({ data }) => {
      const told = JSON.parse(data);
      if (!watched.continues(told) || told.more) return ask();
      watched.take(told);
      return changed();
    });
    stream.addEventListener("unknown", ({ data }) => {
      watched.lost(JSON.parse(data).why);
      changed();
    });
    stream.addEventListener("error", () => {
      mute();
      clearTimeout(timer);
      timer = setTimeout(ask, ASKED_MS);
    });
  }

  function mute() {
    stream?.close();
    stream = null;
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) mute();
    ask();
  });
  window.addEventListener("pagehide", mute);
  ask();
}
