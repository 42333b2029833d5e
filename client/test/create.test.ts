import { expect, test } from "vitest";
import { AIJobService, JobCancelled, JobFailed, JobTimeout, RequestRefused, type Status } from "../src/index.js";
import { followed, heard, listening, polling, refused, service, SELDOM, uncaught, until, withYard } from "./kit.js";
import { canvas, PREFIX, refusal } from "./yard.js";

const yard = withYard();

test("it sends what is asked for, signed, under a key of its own", async () => {
  const ours = polling();
  yard().complete("job-1");
  yard().complete("job-2");
  await ours.createCanvasWithAI("a login", { style: "minimal", colorScheme: "pastel", canvas_id: "wall-7" });
  await ours.createCanvasWithAI("a login");
  const [first, second] = yard().asked("POST", "/create-canvas");
  const wish = { instructions: "a login", style: "minimal", colorScheme: "pastel", canvas_id: "wall-7" };
  expect(first?.body).toEqual(wish);
  expect(first?.headers.authorization).toBe("Bearer first");
  expect(first?.headers["idempotency-key"]).toMatch(/^[0-9a-f]{32}$/);
  expect(second?.headers["idempotency-key"]).not.toBe(first?.headers["idempotency-key"]);
});

test("the caller's own key is taken", async () => {
  yard().complete("job-1");
  await polling().createCanvasWithAI("a login", { idempotencyKey: "login-1" });
  expect(yard().asked("POST", "/create-canvas")[0]?.headers["idempotency-key"]).toBe("login-1");
});

test("by polls alone it tells of the progress and resolves to the result", async () => {
  const { progress, onProgress } = heard();
  const result = polling().createCanvasWithAI("a login", { onProgress });
  await until(() => progress.length === 1, "queued job");
  yard().job("job-1", { status: "processing", progress: 40, progress_message: "Drawing" });
  await until(() => progress.length === 2, "progress");
  yard().complete("job-1");
  expect(await result).toEqual(canvas("a", "b"));
  expect(progress.map((one) => [one.status, one.progress, one.message])).toEqual([
    ["queued", 0, "Waiting for its turn"],
    ["processing", 40, "Drawing"],
    ["completed", 100, "Drawn"],
  ]);
  expect(progress.at(-1)?.objects).toEqual(canvas("a", "b").objects);
});

test("nothing is kept of a job for which nobody waits any longer", async () => {
  const ours = polling();
  yard().complete("job-1");
  await ours.createCanvasWithAI("a login");
  expect(ours.updateOf("job-1").status).toBeNull();
});

test("what has not changed is not sent again", async () => {
  const { progress, onProgress } = heard();
  const result = polling().createCanvasWithAI("a login", { onProgress });
  await until(() => yard().asked("GET", "/status").length > 3, "fourth poll");
  expect(yard().asked("GET", "/status")[1]?.headers["if-none-match"]).toBe('"1"');
  expect(progress.length).toBe(1);
  yard().complete("job-1");
  await result;
});

test("by live events alone it resolves without a poll", async () => {
  const { progress, onProgress } = heard();
  const result = listening().createCanvasWithAI("a login", { onProgress });
  await until(() => yard().sockets.size === 1 && yard().jobs.has("job-1"), "connection");
  yard().job("job-1", { status: "processing", progress: 40 });
  yard().tellOf("job-1", { objects: canvas("a").objects, claim_seq: 1, anew: true });
  yard().complete("job-1");
  yard().tellOf("job-1");
  expect(await result).toEqual(canvas("a", "b"));
  expect(progress.map((one) => one.objects.map(({ id }) => id))).toEqual([["a"], ["a", "b"]]);
  expect(yard().asked("GET", "/status")).toEqual([]);
});

const FAILURE = { status: "failed", error_message: "The model is away", error_code: "provider_rejected" } as const;

test.each(["told live", "polled"])("a job that fails says why, for people and for programs: %s", async (how) => {
  const ours = how === "polled" ? polling() : listening();
  const result = refused(ours.createCanvasWithAI("a login"));
  await until(() => yard().jobs.has("job-1") && (how === "polled" || yard().sockets.size), "job");
  yard().job("job-1", FAILURE);
  if (how !== "polled") yard().tellOf("job-1");
  const error = await result;
  expect(error).toBeInstanceOf(JobFailed);
  expect(error).toMatchObject({ message: "The model is away", code: "provider_rejected", job_id: "job-1" });
});

test("a failure that is told live counts, also when nobody answers the question why", async () => {
  const result = refused(listening().createCanvasWithAI("a login"));
  await until(() => yard().jobs.has("job-1") && yard().sockets.size, "connection");
  yard().job("job-1", FAILURE);
  yard().faults.push("lost");
  yard().tellOf("job-1");
  expect(await result).toMatchObject({ name: "JobFailed", message: "The model is away", code: "failed" });
});

test.each(["told live", "polled"])("a job that is cancelled elsewhere ends the waiting: %s", async (how) => {
  const result = refused((how === "polled" ? polling() : listening()).createCanvasWithAI("a login"));
  await until(() => yard().jobs.has("job-1") && (how === "polled" || yard().sockets.size), "job");
  yard().job("job-1", { status: "cancelled" });
  if (how !== "polled") yard().tellOf("job-1");
  expect(await result).toBeInstanceOf(JobCancelled);
});

test.each(["completed", "failed", "cancelled", "of tomorrow"] as Status[])("nobody asks any longer after %s", async (status) => {
  const ours = service();
  const ended = ours.createCanvasWithAI("a login").catch((error: Error) => error.name);
  await until(() => yard().jobs.has("job-1"), "job");
  if (status === "completed") yard().complete("job-1");
  else yard().job("job-1", { status });
  const names: Record<string, unknown> = { completed: canvas("a", "b"), cancelled: "JobCancelled" };
  expect(await ended).toEqual(names[status] ?? "JobFailed");
  const asked = yard().asked("GET", "/job-1/status").length;
  yard().job("other");
  followed(ours, "other");
  await until(() => yard().asked("GET", "/other/status").length > 5, "sixth poll of another job");
  expect(yard().asked("GET", "/job-1/status").length).toBe(asked);
});

test("after its time it stops waiting, and the job goes on", async () => {
  const ours = polling();
  const error = await refused(ours.createCanvasWithAI("a login", { timeoutMs: 2000 }));
  expect(error).toBeInstanceOf(JobTimeout);
  expect(error).toMatchObject({ code: "timeout", job_id: "job-1" });
  expect(yard().asked("POST", "/cancel")).toEqual([]);
  yard().complete("job-1");
  expect(await ours.resultOf("job-1")).toEqual(canvas("a", "b"));
});

test.each(["the server", "getToken"])("%s that never answers does not make it wait any longer", async (who) => {
  const never = (): Promise<never> => new Promise(() => undefined);
  const ours = polling(who === "getToken" ? { getToken: never } : { fetch: never });
  const error = await refused(ours.createCanvasWithAI("a login", { timeoutMs: 50 }));
  expect(error).toMatchObject({ name: "Unavailable", code: "no_answer", job_id: null });
});

test("who has all the time in the world waits", async () => {
  const ours = polling();
  const result = ours.createCanvasWithAI("a login", { timeoutMs: Infinity });
  await until(() => yard().asked("GET", "/status").length > 2, "third poll");
  yard().complete("job-1");
  expect(await result).toEqual(canvas("a", "b"));
});

test("a request that is not valid is refused with each fault, and not repeated", async () => {
  const details = [{ field: "style", message: "Input should be 'modern'" }];
  yard().faults.push({ status: 422, body: { ...refusal("invalid", "Some fields are not valid"), details } });
  const error = await refused(polling().createCanvasWithAI(""));
  expect(error).toBeInstanceOf(RequestRefused);
  expect(error).toMatchObject({ code: "invalid", status: 422, request_id: "Web-7", details });
  expect(yard().seen.length).toBe(1);
});

test("a job that has been deleted ends the waiting", async () => {
  const ours = polling();
  const result = refused(ours.createCanvasWithAI("a login"));
  await until(() => yard().jobs.delete("job-1"), "job");
  expect(await result).toMatchObject({ name: "RequestRefused", code: "not_found", status: 404 });
});

const STRANGE = ["<!doctype html>", "{}", "null", "[]", '"job"', '{"job": null, "links": null}', '{"job": 7, "links": 0}'];

test.each(STRANGE)("a server that is no Yardmaster is found out: %s", async (body) => {
  yard().faults.push({ status: 200, body });
  expect(await refused(polling().createCanvasWithAI("a login"))).toMatchObject({ code: "unexpected_answer" });
  yard().faults.push({ status: 200, body });
  expect(await refused(polling().resultOf("job-1"))).toMatchObject({ code: "unexpected_answer" });
});

test("it may lie below a path of another server's", async () => {
  const below = { baseUrl: `${yard().url}/yard/`, pace: SELDOM };
  const ours = service(below);
  yard().job("job-1");
  yard().snapshot = () => yard().tellOf("job-1", { objects: canvas("a").objects, claim_seq: 1, anew: true });
  await ours.enqueueCanvas("a login", { idempotencyKey: "x" });
  followed(ours, "job-1");
  await until(() => ours.updateOf("job-1").objects.length, "event");
  expect(yard().seen.every(({ path }) => path.startsWith(`/yard${PREFIX}`))).toBe(true);
  expect(yard().upgraded).toEqual([`/yard${PREFIX}/ws`]);
});

test("without a page and without baseUrl a service can be made, but nobody knows where its server is", async () => {
  const ours = new AIJobService({ getToken: () => "first" });
  const where = { name: "AIJobError", code: "no_server", message: "baseUrl is needed where there is no page" };
  expect(await refused(ours.createCanvasWithAI("a login"))).toMatchObject(where);
  expect(await refused(ours.resultOf("job-1"))).toMatchObject(where);
  expect(() => new AIJobService({ getToken: () => "first", baseUrl: "example.org" })).toThrow("Invalid URL");
});

test("a function of the caller's that throws disturbs nobody else", async () => {
  const thrown = uncaught();
  const result = polling().createCanvasWithAI("a login", {
    onProgress: () => {
      throw new Error("the caller's own");
    },
  });
  await until(() => yard().asked("GET", "/status").length > 0, "poll");
  yard().complete("job-1");
  expect(await result).toEqual(canvas("a", "b"));
  await until(() => thrown.length === 2, "errors of the caller's");
  expect(thrown[0]).toMatchObject({ message: "the caller's own" });
});
