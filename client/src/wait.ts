import { Aborted, JobTimeout } from "./errors.js";
import type { Jobs } from "./jobs.js";
import { safely } from "./safely.js";
import type { CanvasResult, Progress } from "./types.js";

const LONGEST_MS = 2 ** 31 - 1; // of a timer; a longer one would end at once

export interface Waiting {
  /** As Date.now() counts. */
  readonly until: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** When to ask for the status for the first time, in milliseconds from now. */
  readonly first: number;
}

/** The job's result; throws its error, JobTimeout or Aborted. */
export function ended(jobs: Jobs, job_id: string, waiting: Waiting): Promise<CanvasResult> {
  const { until, signal, onProgress, first } = waiting;
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      stop();
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    };
    const give = (error: Error): void => {
      leave();
      reject(error);
    };
    const look = (): void => {
      const view = jobs.view(job_id);
      if (!view) return;
      if (view.ended) leave();
      if (view.update.error) return reject(view.update.error);
      if (view.update.status === "completed") resolve(view.update.result as CanvasResult);
      if (view.progress) onProgress?.(view.progress);
    };
    const abort = (): void => give(aborted(job_id));
    const stop = jobs.follow(job_id, look, first);
    const timer = setTimeout(() => give(overdue(job_id)), Math.min(Math.max(0, until - Date.now()), LONGEST_MS));
    signal?.addEventListener("abort", abort);
    if (signal?.aborted) abort();
    else safely(look);
  });
}

/** Resolves as `asked` does, unless `signal` fires first: then it throws Aborted, and `asked` goes on. */
export function unlessAborted<T>(asked: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return asked;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(aborted(null));
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
    void asked.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

export function aborted(job_id: string | null): Aborted {
  return new Aborted("The caller does not wait any longer", { code: "aborted", job_id });
}

function overdue(job_id: string): JobTimeout {
  return new JobTimeout("The job has not ended in time; it goes on", { code: "timeout", job_id });
}
