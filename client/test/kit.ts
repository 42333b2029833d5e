import { afterEach, beforeEach, vi } from "vitest";
import { WebSocket } from "ws";
import { AIJobService, type Progress, type ServiceOptions } from "../src/index.js";
import { Yard } from "./yard.js";

/** Pauses that a test can wait for; only live events come sooner than `SELDOM` polls. */
export const QUICK = { first: 4, most: 8, live: 8 };
export const STEADY = { first: 4, most: 4, live: 4 };
export const SELDOM = { first: 600_000, most: 600_000, live: 600_000 };
export const AGAIN = { first: 5, most: 20 };

let yard: Yard;
let stops: Array<() => unknown> = [];

/** A server of each test's own. */
export function withYard(): () => Yard {
  beforeEach(async () => {
    yard = await new Yard().start();
  });
  afterEach(async () => {
    for (const stop of stops) stop();
    stops = [];
    await yard.stop();
  });
  return () => yard;
}

/** What is to be done when the test has ended, whatever has become of it. */
export function atEnd(stop: () => unknown): void {
  stops.push(stop);
}

export function service(options: Partial<ServiceOptions> = {}): AIJobService {
  const getToken = (): string => "first";
  const usual = { baseUrl: yard.url, getToken, WebSocketImpl: WebSocket, pace: QUICK, again: AGAIN };
  return new AIJobService({ ...usual, ...options });
}

export const polling = (options: Partial<ServiceOptions> = {}): AIJobService =>
  service({ WebSocketImpl: null, ...options });
export const listening = (options: Partial<ServiceOptions> = {}): AIJobService => service({ pace: SELDOM, ...options });

/** Waits until it is true. */
export function until(true_: () => unknown, what: string): Promise<void> {
  const look = (): void => {
    if (!true_()) throw new Error(`there was no ${what}`);
  };
  return vi.waitFor(look, { timeout: 20_000, interval: 2 });
}

/** Follows a job until the test has ended. */
export function followed(from: AIJobService, job_id: string): () => void {
  const stop = from.follow(job_id, () => undefined);
  atEnd(stop);
  return stop;
}

export function heard(): { progress: Progress[]; onProgress: (one: Progress) => void } {
  const progress: Progress[] = [];
  return { progress, onProgress: (one) => void progress.push(one) };
}

/** What a promise was rejected with. */
export async function refused(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => Promise.reject(new Error("it was not refused")),
    (error: unknown) => error,
  );
}

/** From now on the errors that nobody catches, which would fail the test otherwise. */
export function uncaught(): unknown[] {
  const errors: unknown[] = [];
  const note = (error: unknown): void => void errors.push(error);
  const others = process.rawListeners("uncaughtException") as NodeJS.UncaughtExceptionListener[];
  process.removeAllListeners("uncaughtException").on("uncaughtException", note);
  atEnd(() => {
    process.off("uncaughtException", note);
    for (const other of others) process.on("uncaughtException", other);
  });
  return errors;
}
