import { expect, test } from "vitest";
import { Drawing } from "../src/index.js";
import type { Message } from "../src/messages.js";
import { JobView } from "../src/view.js";
import { canvas, shape } from "./yard.js";

const ids = (drawing: { objects: readonly { id: string }[] }): string[] => drawing.objects.map(({ id }) => id);
const some = (...names: string[]) => names.map((name) => shape(name));

test("an object that is known is replaced in its place, a new one goes to the end", () => {
  const drawing = new Drawing();
  drawing.put({ objects: some("a", "b"), claim_seq: 1, anew: true });
  drawing.put({ objects: [shape("c"), shape("a", 40)], claim_seq: 1 });
  expect(ids(drawing)).toEqual(["a", "b", "c"]);
  expect(drawing.objects[0]?.properties.x).toBe(40);
});

test("anew forgets what was drawn before", () => {
  const drawing = new Drawing();
  drawing.put({ objects: some("a", "b"), claim_seq: 1 });
  drawing.put({ objects: some("c"), claim_seq: 1, anew: true });
  expect(ids(drawing)).toEqual(["c"]);
  drawing.put({ anew: true });
  expect(ids(drawing)).toEqual([]);
});

test("a run that has lost its claim draws no longer", () => {
  const drawing = new Drawing();
  drawing.put({ objects: some("new"), claim_seq: 2, anew: true });
  expect(drawing.put({ objects: some("old"), claim_seq: 1 })).toBe(false);
  expect(drawing.put({ objects: some("old"), claim_seq: 1, anew: true })).toBe(false);
  expect(ids(drawing)).toEqual(["new"]);
});

test("another run begins with an empty canvas, also when nobody says so", () => {
  const drawing = new Drawing();
  drawing.put({ objects: some("old"), claim_seq: 1 });
  drawing.put({ objects: some("new"), claim_seq: 2 });
  expect(ids(drawing)).toEqual(["new"]);
});

test("what changes nothing leaves the array as it is", () => {
  const drawing = new Drawing();
  drawing.put({ objects: some("a"), claim_seq: 1 });
  const before = drawing.objects;
  expect(drawing.put({})).toBe(false);
  expect(drawing.objects).toBe(before);
  drawing.put({ objects: some("a"), claim_seq: 1 });
  expect(drawing.objects).not.toBe(before);
});

function update(version: number, more: Partial<Message> = {}): Message {
  const told = { job_id: "j", status: "processing", message: `${version}`, progress: version, version };
  return { event: "ai_job_update", ...told, ...more } as Message;
}

function job(version: number, more: Record<string, unknown> = {}): Parameters<JobView["polled"]>[0] {
  const polled = { version, status: "processing", progress: version, progress_message: "polled", result_data: null };
  return { ...polled, ...more } as unknown as Parameters<JobView["polled"]>[0];
}

test("a version is taken once and in order, whoever tells it", () => {
  const view = new JobView("j");
  expect([view.told(update(2)), view.told(update(2)), view.told(update(1)), view.polled(job(2))]).toEqual([
    true,
    false,
    false,
    false,
  ]);
  expect([view.polled(job(5)), view.polled(job(4)), view.told(update(5))]).toEqual([true, false, false]);
  expect(view.update).toMatchObject({ progress: 5, message: "polled" });
});

test("a poll that overtakes an event takes no object away, and the event does not turn time back", () => {
  const view = new JobView("j");
  view.told(update(2, { objects: some("a"), claim_seq: 1 }));
  view.polled(job(4));
  expect(view.told(update(3, { objects: some("b"), claim_seq: 1 }))).toBe(true);
  expect(view.told(update(4, { objects: some("c"), claim_seq: 1 }))).toBe(true);
  expect(ids(view.update)).toEqual(["a", "b", "c"]);
  expect(view.update).toMatchObject({ progress: 4, message: "polled" });
});

test("a snapshot may repeat a version, another message may not", () => {
  const view = new JobView("j");
  view.told(update(3, { objects: some("a"), claim_seq: 1 }));
  expect(view.told(update(3, { objects: some("b"), claim_seq: 1 }))).toBe(false);
  expect(view.told(update(3, { objects: some("a", "b"), claim_seq: 1, anew: true }))).toBe(true);
  expect(view.told(update(2, { objects: some("z"), claim_seq: 1, anew: true }))).toBe(false);
  expect(ids(view.update)).toEqual(["a", "b"]);
});

test("the result replaces what was shown, and nothing changes it any more", () => {
  const view = new JobView("j");
  view.told(update(2, { objects: some("draft"), claim_seq: 1 }));
  view.told({ event: "ai_job_complete", job_id: "j", status: "completed", version: 3, result: canvas("a", "b") });
  expect(view.update.objects).toEqual(canvas("a", "b").objects);
  expect([view.told(update(9)), view.polled(job(9))]).toEqual([false, false]);
});

test("an ending of before is none", () => {
  const view = new JobView("j");
  view.polled(job(5));
  expect(view.told({ event: "ai_job_error", job_id: "j", status: "cancelled", version: 4, error: "x" })).toBe(false);
  expect(view.ended).toBe(false);
});

test("a job that returns nothing has ended all the same", () => {
  const view = new JobView("j");
  view.polled(job(2, { status: "completed" }));
  expect(view.ended).toBe(true);
  expect(view.update).toMatchObject({ status: "completed", progress: 100, result: null });
});

test("the code of a failure comes with its event", () => {
  const view = new JobView("j");
  const failure = { event: "ai_job_error", job_id: "j", status: "failed", version: 4, error: "too late" } as const;
  expect(view.told({ ...failure, error_code: "timed_out" })).toBe(true);
  expect(view.update.error).toMatchObject({ name: "JobFailed", code: "timed_out", message: "too late" });
});
