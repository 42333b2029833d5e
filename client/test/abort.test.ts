import { expect, test } from "vitest";
import { Aborted } from "../src/index.js";
import { followed, listening, polling, refused, service, until, withYard } from "./kit.js";
import { canvas, refusal } from "./yard.js";

const yard = withYard();
const cancels = (): number => yard().asked("POST", "/cancel").length;

test("cancel says what has become of the job", async () => {
  yard().job("job-1");
  expect(await service().cancel("job-1")).toEqual({ success: true, message: "Job cancelled", status: "cancelled" });
  yard().faults.push({ status: 400, body: refusal("not_possible", "Only a live job can be cancelled") });
  expect(await refused(service().cancel("job-1"))).toMatchObject({ name: "RequestRefused", code: "not_possible" });
});

test.each(["lost", 429, 503] as const)("cancel survives %s", async (how) => {
  yard().job("job-1");
  yard().faults.push(how === "lost" ? how : { status: how, body: refusal("busy", "Too busy") });
  expect((await service().cancel("job-1")).status).toBe("cancelled");
  expect(cancels()).toBe(2);
});

test("who aborts waits no longer, and the job is cancelled", async () => {
  const over = new AbortController();
  const result = refused(listening().createCanvasWithAI("a login", { signal: over.signal }));
  await until(() => yard().sockets.size === 1, "connection");
  over.abort();
  const error = await result;
  expect(error).toBeInstanceOf(Aborted);
  expect(error).toMatchObject({ code: "aborted", job_id: "job-1" });
  await until(() => yard().jobs.get("job-1")?.status === "cancelled", "cancelled job");
  await until(() => yard().sockets.size === 0, "end of the connection");
});

test("with cancelOnAbort: false the job goes on", async () => {
  const over = new AbortController();
  const ours = polling();
  const result = refused(ours.createCanvasWithAI("a login", { signal: over.signal, cancelOnAbort: false }));
  await until(() => yard().asked("GET", "/status").length > 0, "poll");
  over.abort();
  expect(await result).toBeInstanceOf(Aborted);
  yard().complete("job-1");
  expect(await ours.resultOf("job-1")).toEqual(canvas("a", "b"));
  expect(cancels()).toBe(0);
});

test("who has aborted before asks for nothing", async () => {
  const aborted = { signal: AbortSignal.abort() };
  const ours = polling();
  expect(await refused(ours.createCanvasWithAI("a login", aborted))).toBeInstanceOf(Aborted);
  expect(await refused(ours.enqueueCanvas("a login", aborted))).toBeInstanceOf(Aborted);
  await ours.enqueueCanvas("a login");
  expect(yard().seen.length).toBe(1);
});

test("who waits for a job that is known may abort, too", async () => {
  yard().job("job-1");
  const error = await refused(polling().resultOf("job-1", { signal: AbortSignal.abort() }));
  expect(error).toMatchObject({ name: "Aborted", job_id: "job-1" });
  await until(() => yard().jobs.get("job-1")?.status === "cancelled", "cancelled job");
});

test.each(["in a pause", "before the loss is seen"])("a job of which no answer came is cancelled: %s", async (when) => {
  const over = new AbortController();
  yard().faults.push("lost");
  let lost = false;
  const noting: typeof fetch = (...asked) => fetch(...asked).catch(async (error) => {
    lost = true;
    if (when !== "in a pause") await until(() => over.signal.aborted, "abort");
    throw error;
  });
  const ours = polling({ again: { first: 200_000, most: 200_000 }, fetch: noting });
  const result = refused(ours.createCanvasWithAI("a login", { signal: over.signal }));
  await until(() => lost, "lost connection");
  if (when === "in a pause") await new Promise((resolve) => setTimeout(resolve)); // until the pause has begun
  over.abort();
  expect(await result).toMatchObject({ name: "Aborted", job_id: null });
  await until(() => yard().jobs.get("job-1")?.status === "cancelled", "cancelled job");
  const keys = yard().asked("POST", "/create-canvas").map(({ headers }) => headers["idempotency-key"]);
  expect([keys.length, new Set(keys).size]).toEqual([2, 1]);
});

test("without a token nothing was asked for, so nothing is made to be cancelled", async () => {
  const over = new AbortController();
  let asked = 0;
  const getToken = (): string => {
    if (++asked === 1) throw new TypeError("Failed to fetch");
    return "first";
  };
  const ours = polling({ getToken, again: { first: 200_000, most: 200_000 } });
  const result = refused(ours.enqueueCanvas("a login", { signal: over.signal }));
  await new Promise((resolve) => setTimeout(resolve)); // until the pause has begun
  over.abort();
  expect(await result).toBeInstanceOf(Aborted);
  yard().job("other");
  followed(ours, "other");
  await until(() => yard().asked("GET", "/other/status").length > 5, "sixth poll of another job");
  expect(yard().asked("POST", "")).toEqual([]);
});

test("when the answer is lost again after the abort, the job is left alone", async () => {
  const over = new AbortController();
  yard().faults.push("lost", "lost");
  const ours = polling({ again: { first: 200_000, most: 200_000 } });
  const result = refused(ours.enqueueCanvas("a login", { signal: over.signal }));
  await until(() => yard().jobs.has("job-1"), "job of which nobody knows");
  over.abort();
  expect(await result).toBeInstanceOf(Aborted);
  await until(() => yard().seen.length === 2, "one more request");
  yard().job("other");
  followed(ours, "other");
  await until(() => yard().asked("GET", "/other/status").length > 5, "sixth poll of another job");
  expect(yard().asked("POST", "").length).toBe(2);
});

test("what the server has refused for the time being is not made to be cancelled", async () => {
  const over = new AbortController();
  const busy = { status: 503, body: refusal("busy", "Too busy"), headers: { "Retry-After": "200" } };
  yard().faults.push(busy);
  const ours = polling();
  const result = refused(ours.createCanvasWithAI("a login", { signal: over.signal }));
  await until(() => yard().seen.length === 1, "refusal");
  yard().job("other");
  followed(ours, "other");
  await until(() => yard().asked("GET", "/other/status").length > 2, "third poll of another job");
  over.abort();
  expect(await result).toBeInstanceOf(Aborted);
  const asked = yard().asked("GET", "/other/status").length;
  await until(() => yard().asked("GET", "/other/status").length > asked + 2, "more polls of another job");
  expect(yard().jobs.has("job-1")).toBe(false);
});
