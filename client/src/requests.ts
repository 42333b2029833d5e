/** The few requests that the client makes, beside the polls. */

import { Unavailable } from "./errors.js";
import { type Answer, bodyWith, type Http, unexpected } from "./http.js";
import { PREFIX } from "./paths.js";
import { at, type Pauses, sleep } from "./pauses.js";
import type { Accepted, Job, Schemas, Steered } from "./types.js";

export type CanvasRequest = Schemas["CreateCanvas"];

export async function enqueued(http: Http, canvas: CanvasRequest, key: string): Promise<Accepted> {
  const headers = { "Idempotency-Key": key };
  const path = `${PREFIX}/create-canvas`;
  return bodyWith<Accepted>(await http.ask({ method: "POST", path, body: canvas, headers }), "links");
}

export async function cancelled(http: Http, job_id: string): Promise<Steered> {
  const path = `${PREFIX}/job/${encodeURIComponent(job_id)}/cancel`;
  return bodyWith<Steered>(await http.ask({ method: "POST", path }), "status");
}

export async function statusOf(http: Http, job_id: string): Promise<Job> {
  return jobIn(await http.ask({ path: statusPath(job_id) }));
}

export function statusPath(job_id: string): string {
  return `${PREFIX}/job/${encodeURIComponent(job_id)}/status`;
}

export function jobIn(answer: Answer): Job {
  const { job } = bodyWith<Schemas["JobStatus"]>(answer, "job");
  if (!Number.isSafeInteger(job.version)) throw unexpected(answer.status);
  return job;
}

/** A name for one call, by which the server knows it again. `crypto.randomUUID` is missing on pages without TLS. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Repeats what the server could not serve, until `until` (as Date.now() counts) or `stop`; throws the last error.
 *
 * When `stop` fires and no answer has come, the request may have been carried out: it is made once more, to know. */
export async function repeated<Found>(
  ask: () => Promise<Found>,
  pauses: Pauses,
  until: number,
  stop?: AbortSignal,
): Promise<Found> {
  let [uncertain, last] = [false, false];
  for (;;) {
    try {
      return await answered(ask(), until);
    } catch (error) {
      if (last || !(error instanceof Unavailable) || !error.passes) throw error;
      uncertain ||= error.uncertain;
      const pause = Math.max(pauses.next(), error.retry_after_ms ?? 0);
      if (Date.now() + pause > until) throw error;
      await sleep(pause, ...(stop ? [stop] : []));
      last = stop?.aborted === true;
      if (last && !uncertain) throw error;
    }
  }
}

/** As `asked`, which may take for ever: throws when it has not come until then, and lets it go on. */
function answered<Found>(asked: Promise<Found>, until: number): Promise<Found> {
  return new Promise((resolve, reject) => {
    const late = new Unavailable("No answer has come in time", { code: "no_answer" });
    const leave = at(until, () => reject(late));
    void asked.then(resolve, reject).finally(leave);
  });
}
