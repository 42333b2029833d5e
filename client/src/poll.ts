import { AIJobError, Unavailable } from "./errors.js";
import type { Http } from "./http.js";
import { Pauses, sleep } from "./pauses.js";
import { jobIn, statusPath } from "./requests.js";
import type { Job } from "./types.js";

/** How often is asked, in milliseconds: at first, then ever more seldom; `live` while events tell of the job. */
export interface Pace {
  readonly first: number;
  readonly most: number;
  readonly live: number;
}

/** Whom a poll tells; `failed` ends it. */
export interface Polled {
  job(job: Job): void;
  failed(error: AIJobError): void;
  isLive(): boolean;
}

/** Asks for one job's status until it is stopped, whatever becomes of the connection. */
export class Poll {
  readonly #http: Http;
  readonly #path: string;
  readonly #pace: Pace;
  readonly #pauses: Pauses;
  readonly #polled: Polled;
  readonly #stop = new AbortController();
  #etag: string | null = null;
  #hurry = new AbortController();
  /** When the server wants to be asked again at the earliest, as performance.now() counts. */
  #welcome = 0;

  /** `first` is when to ask for the first time, in milliseconds from now. */
  constructor(http: Http, job_id: string, pace: Pace, first: number, polled: Polled) {
    this.#http = http;
    this.#path = statusPath(job_id);
    this.#pace = pace;
    this.#pauses = new Pauses(pace.first, pace.most);
    this.#polled = polled;
    void this.#run(first);
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Events come no longer: ask as at first. */
  hurry(): void {
    this.#pauses.restart();
    this.#hurry.abort();
    this.#hurry = new AbortController();
  }

  async #run(first: number): Promise<void> {
    let pause = first;
    while (await this.#paused(pause)) {
      this.#welcome = performance.now() + (await this.#ask());
      pause = this.#polled.isLive() ? this.#pace.live : this.#pauses.next();
    }
  }

  /** False when it has been stopped. */
  async #paused(pause: number): Promise<boolean> {
    const hurry = this.#hurry.signal;
    await sleep(Math.max(pause, this.#welcome - performance.now()), this.#stop.signal, hurry);
    if (hurry.aborted && !this.#stop.signal.aborted) return this.#paused(this.#pauses.next());
    return !this.#stop.signal.aborted;
  }

  /** Returns the pause that the server wants, in milliseconds. */
  async #ask(): Promise<number> {
    const { signal } = this.#stop;
    const known = this.#etag === null ? {} : { "If-None-Match": this.#etag };
    try {
      const answer = await this.#http.ask({ path: this.#path, headers: known, signal });
      this.#etag = answer.headers.get("ETag");
      if (answer.status !== 304 && !signal.aborted) this.#polled.job(jobIn(answer));
      return 0;
    } catch (error) {
      return this.#missed(error);
    }
  }

  #missed(error: unknown): number {
    if (error instanceof Unavailable) return error.retry_after_ms ?? 0;
    if (this.#stop.signal.aborted) return 0;
    if (!(error instanceof AIJobError)) throw error;
    this.stop();
    this.#polled.failed(error);
    return 0;
  }
}
