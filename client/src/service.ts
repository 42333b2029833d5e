import { connectOf } from "./connect.js";
import { Aborted } from "./errors.js";
import { Http } from "./http.js";
import { type Changed, Jobs } from "./jobs.js";
import {
  AGAIN,
  type CreateOptions,
  type EnqueueOptions,
  PACE,
  REQUEST_TIMEOUT_MS,
  type ServiceOptions,
  TIMEOUT_MS,
  type WaitOptions,
} from "./options.js";
import { EVENTS_PATH, serverOf } from "./paths.js";
import { Pauses } from "./pauses.js";
import { type CanvasRequest, cancelled, enqueued, newKey, repeated } from "./requests.js";
import { Token } from "./token.js";
import type { Accepted, CanvasResult, JobUpdate, Steered } from "./types.js";
import { aborted, ended, unlessAborted } from "./wait.js";

const CANCEL_WITHIN_MS = 60_000;

/** Enqueues AI jobs and follows them. One for a page is enough: all its jobs share one connection. */
export class AIJobService {
  readonly #http: Http;
  readonly #jobs: Jobs;
  readonly #pauses: () => Pauses;
  readonly #first: number;
  #events = EVENTS_PATH;

  constructor(options: ServiceOptions) {
    const { pace = PACE, again = AGAIN, requestTimeoutMs = REQUEST_TIMEOUT_MS } = options;
    const server = serverOf(options.baseUrl ?? "");
    const token = new Token(options.getToken);
    const connect = connectOf(options, server, () => this.#events);
    this.#first = pace.first;
    this.#pauses = () => new Pauses(again.first, again.most);
    this.#http = new Http(server, token, options.fetch ?? ((...asked) => fetch(...asked)), requestTimeoutMs);
    this.#jobs = new Jobs(this.#http, token, connect, pace, this.#pauses());
  }

  /** Has a canvas drawn; resolves to the result as GET /job/<id>/result has it. Throws one of errors.ts. */
  async createCanvasWithAI(instructions: string, options: CreateOptions = {}): Promise<CanvasResult> {
    const { onProgress, signal, cancelOnAbort = true, timeoutMs = TIMEOUT_MS, ...more } = options;
    if (signal?.aborted) throw aborted(null);
    const until = Date.now() + timeoutMs;
    const asked = this.#enqueued(instructions, more, until, signal);
    const waited = unlessAborted(asked, signal).then(({ job_id }) =>
      ended(this.#jobs, job_id, { until, signal, onProgress, first: this.#first }),
    );
    return cancelOnAbort ? this.#cancelling(waited, asked) : waited;
  }

  /** Enqueues alone, for `useAIJobUpdates` or `resultOf` to follow. */
  async enqueueCanvas(instructions: string, options: EnqueueOptions = {}): Promise<Accepted> {
    const { signal, cancelOnAbort = true, timeoutMs = TIMEOUT_MS, ...more } = options;
    if (signal?.aborted) throw aborted(null);
    const asked = this.#enqueued(instructions, more, Date.now() + timeoutMs, signal);
    const waited = unlessAborted(asked, signal);
    return cancelOnAbort ? this.#cancelling(waited, asked) : waited;
  }

  /** Waits for a job that has been enqueued, also after the page was loaded anew. */
  resultOf(job_id: string, options: WaitOptions = {}): Promise<CanvasResult> {
    const { onProgress, signal, cancelOnAbort = true, timeoutMs = TIMEOUT_MS } = options;
    const waited = ended(this.#jobs, job_id, { until: Date.now() + timeoutMs, signal, onProgress, first: 0 });
    return cancelOnAbort ? this.#cancelling(waited, Promise.resolve({ job_id })) : waited;
  }

  /** A queued job is cancelled at once, one that runs is asked to end: `status` says which. */
  cancel(job_id: string): Promise<Steered> {
    return repeated(() => cancelled(this.#http, job_id), this.#pauses(), Date.now() + CANCEL_WITHIN_MS);
  }

  /** Calls `changed` whenever `updateOf(job_id)` has changed; returns how to stop. */
  follow(job_id: string, changed: Changed): () => void {
    return this.#jobs.follow(job_id, changed, 0);
  }

  /** How a job that is followed stands; the same object until something changes. */
  updateOf(job_id: string): JobUpdate {
    return this.#jobs.update(job_id);
  }

  async #enqueued(
    instructions: string,
    { idempotencyKey = newKey(), ...more }: Omit<EnqueueOptions, "signal" | "cancelOnAbort" | "timeoutMs">,
    until: number,
    stop: AbortSignal | undefined,
  ): Promise<Accepted> {
    const canvas: CanvasRequest = { instructions, ...more };
    const accepted = await repeated(() => enqueued(this.#http, canvas, idempotencyKey), this.#pauses(), until, stop);
    this.#events = accepted.links.events;
    return accepted;
  }

  /** Who aborts cannot wait for the cancel; a job that is not known yet is cancelled as soon as it is. */
  async #cancelling<Found>(waited: Promise<Found>, job: Promise<{ job_id: string }>): Promise<Found> {
    try {
      return await waited;
    } catch (error) {
      if (error instanceof Aborted) void job.then(({ job_id }) => this.cancel(job_id)).catch(() => undefined);
      throw error;
    }
  }
}
