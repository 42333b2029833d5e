import type { AIJobError } from "./errors.js";
import type { Http } from "./http.js";
import { Live, type Connect } from "./live.js";
import { messageOf, type Message } from "./messages.js";
import { Pauses } from "./pauses.js";
import { type Pace, Poll } from "./poll.js";
import { statusOf } from "./requests.js";
import { safely } from "./safely.js";
import type { Token } from "./token.js";
import type { JobUpdate } from "./types.js";
import { JobView, UNKNOWN } from "./view.js";

export type Changed = () => void;

/** One job: what is known of it, who follows it, and whether this connection has told of it. */
interface Followed {
  readonly view: JobView;
  readonly followers: Set<Changed>;
  poll: Poll | null;
  live: boolean;
}

/** All jobs that somebody follows, over one connection.
 *
 * What the connection tells of other jobs is kept, too: whoever follows one of them later sees all of its drawing. */
export class Jobs {
  readonly #http: Http;
  readonly #pace: Pace;
  readonly #live: Live | null;
  readonly #jobs = new Map<string, Followed>();

  /** `connect` is null where there are no live events. */
  constructor(http: Http, token: Token, connect: Connect | null, pace: Pace, again: Pauses) {
    this.#http = http;
    this.#pace = pace;
    const heard = (event: unknown, data: unknown): void => this.#heard(messageOf(event, data));
    this.#live = connect && new Live(connect, token, again, heard, () => this.#cut());
  }

  /** `first` is when to ask for its status, in milliseconds from now; returns how to stop. */
  follow(job_id: string, changed: Changed, first: number): () => void {
    const job = this.#job(job_id);
    const follower: Changed = () => changed(); // a set of its own: one function may follow twice
    job.followers.add(follower);
    if (!job.view.ended) job.poll ??= this.#poll(job_id, job, first);
    this.#settle();
    return () => this.#leave(job_id, job, follower);
  }

  update(job_id: string): JobUpdate {
    return this.#jobs.get(job_id)?.view.update ?? UNKNOWN;
  }

  view(job_id: string): JobView | undefined {
    return this.#jobs.get(job_id)?.view;
  }

  #job(job_id: string): Followed {
    const known = this.#jobs.get(job_id);
    if (known) return known;
    const job: Followed = { view: new JobView(job_id), followers: new Set(), poll: null, live: false };
    this.#jobs.set(job_id, job);
    return job;
  }

  #poll(job_id: string, job: Followed, first: number): Poll {
    return new Poll(this.#http, job_id, this.#pace, first, {
      job: (told) => {
        if (job.view.polled(told)) this.#tell(job_id, job);
      },
      failed: (error) => this.#fail(job_id, job, error),
      isLive: () => job.live && job.view.hears,
    });
  }

  #leave(job_id: string, job: Followed, follower: Changed): void {
    job.followers.delete(follower);
    if (job.followers.size > 0) return;
    job.poll?.stop();
    job.poll = null;
    if (job.view.ended || !job.live) this.#forget(job_id, job);
    setTimeout(() => this.#settle()); // whoever follows another one at once keeps the connection
  }

  #heard(message: Message | null): void {
    if (message === null) return;
    const job = this.#job(message.job_id);
    job.live = true;
    if (message.event === "ai_job_error" && message.error_code === undefined) void this.#askWhy(job, message);
    else if (job.view.told(message)) this.#tell(message.job_id, job);
  }

  /** An older server tells no code for programs with the event; the status has it. */
  async #askWhy(job: Followed, message: Message): Promise<void> {
    if (job.followers.size === 0) return this.#forget(message.job_id, job);
    const told = await statusOf(this.#http, message.job_id).catch(() => null);
    const changed = told ? job.view.polled(told) : job.view.told(message);
    if (changed) this.#tell(message.job_id, job);
  }

  #fail(job_id: string, job: Followed, error: AIJobError): void {
    job.view.failed(error);
    this.#tell(job_id, job);
  }

  #tell(job_id: string, job: Followed): void {
    if (job.view.ended) this.#end(job_id, job);
    for (const changed of [...job.followers]) safely(changed);
  }

  #end(job_id: string, job: Followed): void {
    job.poll?.stop();
    job.poll = null;
    if (job.followers.size === 0) this.#forget(job_id, job);
    this.#settle();
  }

  #forget(job_id: string, job: Followed): void {
    if (this.#jobs.get(job_id) === job) this.#jobs.delete(job_id);
  }

  /** A connection has ended, or did not come about; what nobody follows is told anew by the next one. */
  #cut(): void {
    for (const [job_id, job] of this.#jobs) {
      if (job.live) job.poll?.hurry();
      job.live = false;
      if (job.followers.size === 0) this.#forget(job_id, job);
    }
  }

  /** Open as long as a job is followed that may still change. */
  #settle(): void {
    if ([...this.#jobs.values()].some((job) => job.poll !== null)) return this.#live?.open();
    this.#live?.close();
    this.#cut();
  }
}
