import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { followed, heard, listening, polling, QUICK, service, STEADY, until, withYard } from "./kit.js";
import { canvas } from "./yard.js";

const yard = withYard();

test("all jobs of a service share one connection", async () => {
  const ours = listening();
  const results = ["a", "b", "c"].map((wish) => ours.createCanvasWithAI(wish));
  await until(() => yard().jobs.size === 3 && yard().sockets.size > 0, "three jobs");
  for (const id of yard().jobs.keys()) {
    yard().complete(id);
    yard().tellOf(id);
  }
  expect(await Promise.all(results)).toEqual([canvas("a", "b"), canvas("a", "b"), canvas("a", "b")]);
  expect(yard().connections).toBe(1);
});

test("it is opened for the first job that is followed, and closed when none is left", async () => {
  const ours = listening();
  yard().job("job-1");
  expect((await ours.enqueueCanvas("a login", { idempotencyKey: "x" })).job_id).toBe("job-1");
  expect(yard().connections).toBe(0);
  const changed = (): void => undefined;
  const [stop, stopToo] = [ours.follow("job-1", changed), ours.follow("job-1", changed)];
  await until(() => yard().sockets.size === 1, "connection");
  stop();
  stop();
  yard().tellOf("job-1", { objects: canvas("a").objects, claim_seq: 1, anew: true });
  await until(() => ours.updateOf("job-1").objects.length, "event");
  stopToo();
  await until(() => yard().sockets.size === 0, "end of the connection");
  followed(ours, "job-1");
  await until(() => yard().sockets.size === 1, "second connection");
  expect(yard().connections).toBe(2);
});

test("who follows one job right after another keeps the connection", async () => {
  const ours = listening();
  for (const id of ["job-1", "job-2"]) yard().job(id);
  const stop = followed(ours, "job-1");
  await until(() => yard().sockets.size === 1, "connection");
  stop();
  followed(ours, "job-2");
  await new Promise((resolve) => setTimeout(resolve)); // when it would be closed
  yard().tellOf("job-2", { objects: canvas("a").objects, claim_seq: 1, anew: true });
  await until(() => ours.updateOf("job-2").objects.length, "event");
  expect([yard().connections, yard().closed]).toEqual([1, []]);
});

test("the connection ends with the last job, though its page still shows it", async () => {
  const ours = listening();
  yard().job("job-1");
  followed(ours, "job-1");
  await until(() => yard().sockets.size === 1, "connection");
  yard().complete("job-1");
  yard().tellOf("job-1");
  await until(() => yard().sockets.size === 0, "end of the connection");
  expect(ours.updateOf("job-1").result).toEqual(canvas("a", "b"));
});

test("a connection that is lost is made again, and its snapshot replaces what was drawn", async () => {
  const { progress, onProgress } = heard();
  const result = listening().createCanvasWithAI("a login", { onProgress });
  await until(() => yard().sockets.size === 1, "connection");
  yard().job("job-1", { status: "processing" });
  yard().tellOf("job-1", { objects: canvas("a", "gone").objects, claim_seq: 1, anew: true });
  await until(() => progress.length === 1, "progress");
  yard().snapshot = () => yard().tellOf("job-1", { objects: canvas("a", "b", "c").objects, claim_seq: 1, anew: true });
  for (const socket of yard().sockets) socket.terminate();
  await until(() => progress.length === 2, "snapshot");
  expect(progress.at(-1)?.objects.map(({ id }) => id)).toEqual(["a", "b", "c"]);
  yard().complete("job-1");
  yard().tellOf("job-1");
  expect(await result).toEqual(canvas("a", "b"));
  expect(yard().connections).toBe(2);
});

test("what ended while nobody was connected is found by a poll, not at the slow pace of live events", async () => {
  const ours = service({ pace: { ...QUICK, live: 600_000 }, again: { first: 600_000, most: 600_000 } });
  yard().job("job-1");
  yard().snapshot = () => yard().tellOf("job-1", { objects: canvas("a").objects, claim_seq: 1, anew: true });
  const result = ours.resultOf("job-1");
  await until(() => ours.updateOf("job-1").objects.length, "live event");
  for (const socket of yard().sockets) socket.terminate();
  const asked = yard().asked("GET", "/status").length;
  await until(() => yard().asked("GET", "/status").length > asked + 2, "polls as at first");
  yard().complete("job-1");
  expect(await result).toEqual(canvas("a", "b"));
});

test("while live events come polls are few", async () => {
  const ours = service({ pace: { ...QUICK, live: 600_000 } });
  for (const id of ["job-1", "silent"]) yard().job(id);
  yard().snapshot = () => yard().tellOf("job-1", { objects: canvas("a").objects, claim_seq: 1, anew: true });
  followed(ours, "job-1");
  followed(ours, "silent"); // of which no event tells
  await until(() => ours.updateOf("job-1").objects.length, "live event");
  const before = yard().asked("GET", "/job-1/status").length;
  await until(() => yard().asked("GET", "/silent/status").length > before + 8, "polls of the other job");
  expect(yard().asked("GET", "/job-1/status").length).toBeLessThanOrEqual(before + 1);
});

test("when a poll tells what no event has told, polls are many again", async () => {
  const ours = service({ pace: { ...STEADY, live: 250 } });
  for (const id of ["job-1", "silent"]) yard().job(id);
  followed(ours, "silent"); // of which no event tells
  yard().snapshot = () => yard().tellOf("job-1", { objects: canvas("a").objects, claim_seq: 1, anew: true });
  const result = ours.resultOf("job-1");
  await until(() => ours.updateOf("job-1").objects.length, "live event");
  yard().job("job-1", { status: "processing", progress: 20 }); // and the connection is silent
  await until(() => ours.updateOf("job-1").progress === 20, "poll");
  const polls = (id: string): number => yard().asked("GET", `/${id}/status`).length;
  const before = [polls("job-1"), polls("silent")] as const;
  await until(() => polls("silent") > before[1] + 12, "polls of the other job");
  expect(polls("job-1")).toBeGreaterThan(before[0] + 4);
  yard().complete("job-1");
  expect(await result).toEqual(canvas("a", "b"));
});

test("who follows a job later sees all of its drawing that this connection has told", async () => {
  const ours = listening();
  for (const id of ["job-1", "job-2"]) yard().job(id);
  yard().snapshot = () => {
    yard().tellOf("job-2", { objects: canvas("a").objects, claim_seq: 1, anew: true });
    yard().tellOf("job-1", { objects: canvas("b").objects, claim_seq: 1, anew: true });
  };
  followed(ours, "job-1");
  await until(() => ours.updateOf("job-1").objects.length, "snapshot");
  followed(ours, "job-2");
  expect(ours.updateOf("job-2").objects.map(({ id }) => id)).toEqual(["a"]);
});

test("nothing is kept of a job that nobody follows when it has ended", async () => {
  const ours = listening();
  for (const id of ["job-1", "job-2"]) yard().job(id);
  yard().snapshot = () => yard().tellOf("job-2", { objects: canvas("a").objects, claim_seq: 1, anew: true });
  followed(ours, "job-1");
  await until(() => ours.updateOf("job-2").objects.length, "snapshot");
  yard().complete("job-2");
  yard().tellOf("job-2");
  await until(() => ours.updateOf("job-2").status === null, "end of what was kept");
});

test("a server that lets in and throws out at once is asked ever more seldom", async () => {
  yard().snapshot = () => {
    for (const socket of yard().sockets) socket.close(1013, "too many connections");
  };
  yard().job("job-1");
  followed(service({ pace: STEADY, again: { first: STEADY.first, most: 600_000 } }), "job-1");
  await until(() => yard().asked("GET", "/status").length > 30, "30 polls at a steady pace");
  expect(yard().connections).toBeGreaterThan(2);
  expect(yard().connections).toBeLessThan(20); // 1.5 ** 20 times as long
});

test("a job that does not change is polled ever more seldom", async () => {
  for (const id of ["job-1", "other"]) yard().job(id);
  const polls = (id: string): number => yard().asked("GET", `/${id}/status`).length;
  followed(polling({ pace: { ...STEADY, most: 600_000 } }), "job-1");
  followed(polling({ pace: STEADY }), "other");
  await until(() => polls("other") > 30, "30 polls at a steady pace");
  expect(polls("job-1")).toBeGreaterThan(2);
  expect(polls("job-1")).toBeLessThan(20);
});

test("who leaves before there is a token opens no connection", async () => {
  yard().job("job-1");
  let go = (): void => undefined;
  const token = new Promise<string>((resolve) => (go = () => resolve("first")));
  const stop = followed(listening({ getToken: () => token }), "job-1");
  stop();
  await new Promise((resolve) => setTimeout(resolve)); // when it is closed
  go();
  followed(polling(), "job-1");
  await until(() => yard().asked("GET", "/status").length > 5, "sixth poll of another service");
  expect(yard().connections).toBe(0);
});

test("what is no event of ours is passed over", async () => {
  const ours = listening();
  yard().job("job-1");
  followed(ours, "job-1");
  await until(() => yard().sockets.size === 1, "connection");
  const told = { job_id: "job-1", version: 9, status: "queued", message: "", progress: 1 };
  for (const socket of yard().sockets) for (const text of ["", "null", "[1]", '"x"']) socket.send(text);
  yard().tell("ai_job_dream", told);
  yard().tell("ai_job_update", { ...told, job_id: 7 });
  for (const version of ["9", 9.5, null]) yard().tell("ai_job_update", { ...told, version });
  for (const socket of yard().sockets) {
    const endless = JSON.stringify({ event: "ai_job_update", data: told }).replace('"version":9', '"version":1e999');
    socket.send(endless);
  }
  const objects = [null, { id: 3 }, { id: "b" }, { id: "c", properties: 7 }, ...canvas("a").objects];
  yard().tell("ai_job_update", { ...told, version: 2, objects, claim_seq: 1 });
  await until(() => ours.updateOf("job-1").objects.length === 1, "the one that is an event");
  expect(ours.updateOf("job-1").progress).toBe(1);
});

test("without any live connection polls do everything, and attempts that fail do not put them off", async () => {
  let attempts = 0;
  class Broken extends WebSocket {
    constructor(address: string) {
      attempts += 1;
      super(address, ["no subprotocol"]);
    }
  }
  const pace = { first: 150, most: 150, live: 150 };
  const ours = service({ WebSocketImpl: Broken, pace, again: { first: 1, most: 1 } });
  const result = ours.createCanvasWithAI("a login");
  await until(() => yard().jobs.has("job-1") && attempts > 5, "job");
  yard().complete("job-1");
  expect(await result).toEqual(canvas("a", "b"));
});
