// Who is here: what the bridge says of router, hub and nodes, asked again and again, or told by the stream.
import { isZone } from "./moments.js";
import { fields, status, Trouble } from "./server.js";

const LOOK_MS = 2000;
const STREAMED_MS = 15000; // a look beside the stream
const REFUSED = "The token that this browser gives counts no more: nothing new can be read.";

export class Stack {
  /** `known` is filled; `changed()` is called after each look, `listed()` when nodes or fields are others. */
  constructor(known, live, { changed, listed }) {
    Object.assign(this, { known, live, changed, listed });
    this.state = { nodes: [], router: true, hub: true, now: Date.now() / 1000, notes: false };
    this.at = null; // when `state` was told
    this.unreachable = "";
    this.refused = false; // whether that is since no token counts
    this.form = "";
    this.timer = 0;
  }

  /** Whether everybody is here that others are asked through. */
  get here() {
    return !this.unreachable && this.state.router && this.state.hub;
  }

  /** Whether anything can be known now. */
  get sure() {
    return !this.unreachable && this.state.router && this.at !== null;
  }

  get away() {
    return this.refused ? "not let in" : this.unreachable ? "server away" : !this.state.router ? "router away" : !this.state.hub ? "hub away" : "";
  }

  /** The zone of the site's clocks, by its name; empty if nobody says, or nobody here knows it. */
  get zone() {
    const { zone } = this.state;
    return zone && isZone(zone) ? zone : "";
  }

  /** Now, by the server's clock, which goes on here while nobody tells. */
  get now() {
    return (this.at === null ? Date.now() : 1000 * this.state.now + performance.now() - this.at) / 1000;
  }

  /** Look, now and for ever: a page that looks no more would show what was. */
  async watch() {
    clearTimeout(this.timer);
    try {
      await this.look();
    } finally {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.watch(), this.live.streams && !this.unreachable ? STREAMED_MS : LOOK_MS);
    }
  }

  async look() {
    let told = null;
    try {
      told = await status();
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      this.refused = error.status === 401;
      this.unreachable = this.refused ? REFUSED : error.message;
    }
    await this.take(told);
  }

  /** Take in what came with the page. */
  begin({ status: told, fields: listed }) {
    return this.take(told, listed);
  }

  /** Take in what the bridge told; nothing if it did not answer. */
  async take(told, listed = null) {
    if (told) [this.state, this.at, this.unreachable, this.refused] = [told, performance.now(), "", false];
    const { state } = this;
    // A hub that is away tells of nobody who went; whom the bridge still knows is shown.
    const form = !this.unreachable && state.router && (state.hub || state.nodes.length) ? JSON.stringify([state.nodes, state.hub]) : this.form;
    if (form !== this.form) {
      try {
        this.known.fill(state.nodes, listed ?? (await fields()), this.now, state.hub);
        this.form = form;
        this.listed();
      } catch (error) {
        if (!(error instanceof Trouble)) throw error;
      }
    }
    this.changed();
  }
}
