/** The events that the server tells, and nothing that only looks like one. */

import type { Drawn } from "./canvas.js";
import type { CanvasObject, CanvasResult, Status } from "./types.js";

interface Told {
  readonly job_id: string;
  /** Grows with each change of the job. */
  readonly version: number;
  readonly status: Status;
}

export interface Update extends Told, Drawn {
  readonly event: "ai_job_update";
  readonly message: string;
  readonly progress: number;
}

export interface Complete extends Told {
  readonly event: "ai_job_complete";
  readonly result: CanvasResult;
}

export interface Failure extends Told {
  readonly event: "ai_job_error";
  readonly error: string;
  readonly error_code?: string | null;
}

export type Message = Update | Complete | Failure;

export const EVENTS = ["ai_job_update", "ai_job_complete", "ai_job_error"] as const;

/** null for what is no event of ours: a newer server may tell more. */
export function messageOf(event: unknown, data: unknown): Message | null {
  if (!isObject(data) || typeof data["job_id"] !== "string" || !Number.isSafeInteger(data["version"])) return null;
  if (!EVENTS.some((known) => known === event)) return null;
  return { ...data, ...drawn(data), event } as Message;
}

function drawn({ objects }: Record<string, unknown>): { objects?: CanvasObject[] } {
  return Array.isArray(objects) ? { objects: objects.filter(isDrawable) } : {};
}

function isDrawable(object: unknown): object is CanvasObject {
  return isObject(object) && typeof object["id"] === "string" && isObject(object["properties"]);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
