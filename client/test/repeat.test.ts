import { expect, test } from "vitest";
import { Pauses } from "../src/pauses.js";
import { AGAIN as USUAL, PACE, TIMEOUT_MS } from "../src/options.js";
import { followed, polling, refused, service, until, withYard } from "./kit.js";
import { canvas, type Fault, refusal } from "./yard.js";

const yard = withYard();

const BUSY = { status: 503, body: refusal("busy", "Too busy"), headers: { "Retry-After": "0" } };
const TRANSIENT: Record<string, Fault> = {
  "a connection that is cut": "lost",
  "429": { ...BUSY, status: 429 },
  "503": BUSY,
  "a proxy's 502": { status: 502, body: "<html>" },
  "500": { status: 500, body: refusal("internal", "Something went wrong") },
  "408": { status: 408, body: refusal("too_slow", "The body took too long") },
};

test.each(Object.keys(TRANSIENT))("enqueue and polls survive %s, and make one job", async (name) => {
  const fault = TRANSIENT[name] as Fault;
  yard().faults.push(fault, fault);
  const result = polling().createCanvasWithAI("a login");
  await until(() => yard().asked("GET", "/status").length > 0, "poll");
  yard().faults.push(fault, fault, fault);
  await until(() => yard().faults.length === 0, "poll after the faults");
  yard().complete("job-1");
  expect(await result).toEqual(canvas("a", "b"));
  const keys = yard().asked("POST", "/create-canvas").map(({ headers }) => headers["idempotency-key"]);
  expect(keys.length).toBe(3);
  expect(new Set(keys).size).toBe(1);
  expect(yard().jobs.size).toBe(1);
});

test("a server that cannot be reached is asked again until it can", async () => {
  const address = yard().server.address();
  const ours = polling();
  await yard().stop();
  const result = ours.createCanvasWithAI("a login");
  await yard().start((address as { port: number }).port);
  await until(() => yard().jobs.has("job-1"), "job");
  yard().complete("job-1");
  expect(await result).toEqual(canvas("a", "b"));
});

const LONG = ["200", "99999999", "9".repeat(400)]; // seconds; a timer counts to 2147483
const LATE = ["enqueue", "polls"].flatMap((what) => LONG.map((pause) => ({ what, pause })));

test.each(LATE)("as long as the server wants, it is not asked again: $what, $pause s", async ({ what, pause }) => {
  for (const id of ["job-1", "other"]) yard().job(id);
  yard().faults.push({ ...BUSY, headers: { "Retry-After": pause } });
  const ours = polling();
  const over = new AbortController();
  if (what === "polls") followed(ours, "job-1");
  else void ours.enqueueCanvas("a login", { signal: over.signal, timeoutMs: Infinity }).catch(() => undefined);
  await until(() => yard().seen.length === 1, "first request");
  followed(ours, "other");
  await until(() => yard().asked("GET", "/other/status").length > 5, "sixth poll of another job");
  expect(yard().seen.filter(({ path }) => !path.endsWith("/other/status")).length).toBe(1);
  over.abort();
});

test("as long as the server wants, a lost connection does not hurry the polls either", async () => {
  for (const id of ["job-1", "other"]) yard().job(id);
  yard().snapshot = () => yard().tellOf("job-1", { objects: canvas("a").objects, claim_seq: 1, anew: true });
  const ours = service({ again: { first: 600_000, most: 600_000 } });
  yard().faults.push({ ...BUSY, headers: { "Retry-After": "200" } });
  followed(ours, "job-1");
  await until(() => ours.updateOf("job-1").objects.length && yard().seen.length === 1, "event and poll");
  for (const socket of yard().sockets) socket.terminate();
  await until(() => yard().sockets.size === 0, "end of the connection");
  followed(polling(), "other");
  await until(() => yard().asked("GET", "/other/status").length > 5, "sixth poll of another service");
  expect(yard().asked("GET", "/job-1/status").length).toBe(1);
});

test("what the server says as a date is understood", async () => {
  const soon = new Date(Date.now() + 600_000).toUTCString();
  yard().faults.push({ ...BUSY, headers: { "Retry-After": soon } });
  const error = await refused(polling().enqueueCanvas("a login", { timeoutMs: 1000 }));
  expect((error as { retry_after_ms: number }).retry_after_ms).toBeGreaterThan(500_000);
});

test("who would have to wait for too long is told at once, and when to come again", async () => {
  yard().faults.push({ status: 429, body: refusal("too_many_jobs", "Too many"), headers: { "Retry-After": "3600" } });
  const error = await refused(polling().createCanvasWithAI("a login"));
  expect(error).toMatchObject({ name: "Unavailable", code: "too_many_jobs", status: 429, retry_after_ms: 3_600_000 });
  expect(yard().seen.length).toBe(1);
});

test("a user with too many jobs in the queue is told so at once", async () => {
  yard().faults.push({ status: 429, body: refusal("too_many_jobs", "At most 20 jobs may be queued") });
  const error = await refused(polling().createCanvasWithAI("a login"));
  expect(error).toMatchObject({ name: "Unavailable", code: "too_many_jobs", retry_after_ms: null });
  expect(yard().seen.length).toBe(1);
});

test("an enqueue that never succeeds fails with the last reason, when its time is over", async () => {
  const ours = polling();
  await yard().stop();
  const error = await refused(ours.createCanvasWithAI("a login", { timeoutMs: 2000 }));
  expect(error).toMatchObject({ name: "Unavailable", code: "unreachable", job_id: null });
  await yard().start();
});

test("a request without an answer is given up and repeated", async () => {
  const held = new Set<unknown>();
  const [listener] = yard().server.listeners("request") as Array<(...asked: unknown[]) => void>;
  yard().server.removeAllListeners("request").once("request", (request) => {
    held.add(request);
    yard().server.on("request", listener as never);
  });
  await service({ requestTimeoutMs: 100 }).enqueueCanvas("a login");
  expect(held.size).toBe(1);
  expect(yard().jobs.size).toBe(1);
});

test("polls come every second at first, then more and more seldom, every 5 seconds at last", () => {
  const pauses = new Pauses(PACE.first, PACE.most);
  const found = Array.from({ length: 8 }, () => pauses.next());
  found.forEach((pause, n) => {
    const longest = Math.min(5000, 1000 * 1.5 ** n);
    expect(pause).toBeGreaterThanOrEqual(longest * 0.75);
    expect(pause).toBeLessThanOrEqual(longest);
  });
  pauses.restart();
  expect(pauses.next()).toBeLessThanOrEqual(1000);
  expect(TIMEOUT_MS).toBe(5 * 60 * 1000);
  expect(PACE.live).toBeGreaterThan(PACE.most);
  expect(USUAL.most).toBe(30_000);
});
