import { Aborted, JobTimeout } from "./errors.js";
import type { Jobs } from "./jobs.js";
import { at } from "./pauses.js";
import { safely } from "./safely.js";
import type { CanvasResult, Progress } from "./types.js";

export interface Waiting {
  /** As Date.now() counts. */
  readonly until: number;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((progress: Progress) => void) | undefined;
  /** When to ask for the status for the first time, in milliseconds from now. */
  readonly first: number;
}

/** The job's result; throws its error, JobTimeout or Aborted. */
export function ended(jobs: Jobs, job_id: string, waiting: Waiting): Promise<CanvasResult> {
  return new Promise((resolve, reject) => {
    const leaving: Array<() => void> = [];
    const leave = (): void => leaving.splice(0).forEach((call) => call());
    const give = (error: Error): void => {
      leave();
      reject(error);
    };
    const look = (): void => {
      const { update, ended: over, progress } = jobs.view(job_id) ?? {};
      if (over) leave();
      if (update?.error) return reject(update.error);
      if (over) resolve(update?.result as CanvasResult);
      if (progress) waiting.onProgress?.(progress);
    };
    leaving.push(jobs.follow(job_id, look, waiting.first));
    leaving.push(at(waiting.until, () => give(overdue(job_id))));
    leaving.push(onAbort(waiting.signal, () => give(aborted(job_id))));
    safely(look);
  });
}

/** Resolves as `asked` does, unless `signal` fires first: then it throws Aborted, and `asked` goes on. */
export function unlessAborted<Found>(asked: Promise<Found>, signal: AbortSignal | undefined): Promise<Found> {
  return new Promise((resolve, reject) => {
    const leave = onAbort(signal, () => reject(aborted(null)));
    void asked.then(resolve, reject).finally(leave);
  });
}

export function aborted(job_id: string | null): Aborted {
  return new Aborted("The caller does not wait any longer", { code: "aborted", job_id });
}

function overdue(job_id: string): JobTimeout {
  return new JobTimeout("The job has not ended in time; it goes on", { code: "timeout", job_id });
}

/** Calls when the signal fires, or soon if it has fired; returns how not to. */
function onAbort(signal: AbortSignal | undefined, call: () => void): () => void {
  if (signal?.aborted) queueMicrotask(call);
  signal?.addEventListener("abort", call);
  return () => signal?.removeEventListener("abort", call);
}
