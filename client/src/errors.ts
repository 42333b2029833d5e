/** What can go wrong, each kind a class of its own. */

import type { Schemas } from "./types.js";

/** `code` is for programs; the others are null where they are not known, or not of use. */
export interface About {
  readonly code?: string;
  readonly status?: number | null;
  readonly request_id?: string | null;
  readonly job_id?: string | null;
  readonly cause?: unknown;
}

/** `status` is that of HTTP; under `request_id` the server's log tells more. */
export class AIJobError extends Error {
  override name = "AIJobError";
  readonly code: string;
  readonly status: number | null;
  readonly request_id: string | null;
  readonly job_id: string | null;

  constructor(message: string, about: About = {}) {
    super(message, { cause: about.cause });
    this.code = about.code ?? "unknown";
    this.status = about.status ?? null;
    this.request_id = about.request_id ?? null;
    this.job_id = about.job_id ?? null;
  }
}

/** The job has ended without a result; `code` says why, as the job's `error_code` does. */
export class JobFailed extends AIJobError {
  override name = "JobFailed";
}

export class JobCancelled extends AIJobError {
  override name = "JobCancelled";
}

/** Nobody waits any longer, but the job `job_id` goes on: `resultOf(job_id)` waits for it again. */
export class JobTimeout extends AIJobError {
  override name = "JobTimeout";
}

/** The caller's AbortSignal fired. */
export class Aborted extends AIJobError {
  override name = "Aborted";
}

/** The server refused the token, and the one that `getToken(true)` brought. */
export class AuthenticationError extends AIJobError {
  override name = "AuthenticationError";
}

/** The request cannot be served as it is; `details` names each fault of its fields. */
export class RequestRefused extends AIJobError {
  override name = "RequestRefused";
  readonly details: readonly Schemas["Detail"][];

  constructor(message: string, about: About, details: readonly Schemas["Detail"][] = []) {
    super(message, about);
    this.details = details;
  }
}

/** The server cannot be reached or is too busy; `retry_after_ms` is when it wants to be asked again, null: not said. */
export class Unavailable extends AIJobError {
  override name = "Unavailable";
  readonly retry_after_ms: number | null;

  constructor(message: string, about: About, retry_after_ms: number | null = null) {
    super(message, about);
    this.retry_after_ms = retry_after_ms;
  }

  /** Whether the request may have been carried out, though no answer came. */
  get uncertain(): boolean {
    return this.status !== 429 && this.status !== 503 && this.code !== "no_token";
  }

  /** Whether the same request may succeed later: not while the user has too many jobs in the queue. */
  get passes(): boolean {
    return this.code !== "too_many_jobs" || this.retry_after_ms !== null;
  }
}
