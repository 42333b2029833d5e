import type { CanvasObject } from "./types.js";

/** What an event tells of the drawing. */
export interface Drawn {
  readonly objects?: readonly CanvasObject[];
  readonly claim_seq?: number;
  readonly anew?: boolean;
}

/** Collects the objects of a canvas while it is drawn: each in its place, and only those of the newest run. */
export class Drawing {
  readonly #objects = new Map<string, CanvasObject>();
  #run = -1;
  #shown: readonly CanvasObject[] = [];

  /** The same array until something changes. */
  get objects(): readonly CanvasObject[] {
    return this.#shown;
  }

  /** Returns whether anything has changed. */
  put({ objects = [], claim_seq = this.#run, anew = false }: Drawn): boolean {
    if (claim_seq < this.#run) return false;
    const before = this.#objects.size;
    if (anew || claim_seq > this.#run) this.#objects.clear();
    this.#run = claim_seq;
    for (const object of objects) this.#objects.set(object.id, object); // a Map keeps the place of what it knows
    if (before === this.#objects.size && objects.length === 0) return false;
    this.#shown = [...this.#objects.values()];
    return true;
  }
}
