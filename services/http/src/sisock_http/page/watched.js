// What watch says of fields: all of it at first, then what changed.
import { states } from "./server.js";

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
