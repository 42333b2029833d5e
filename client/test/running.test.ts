/** Against a running Yardmaster: YARD_URL and YARD_OTHER_URL are two of its web processes, YARD_TOKEN a user's token.
 * Its model is tests/fake_openai. */

import { io } from "socket.io-client";
import { WebSocket } from "ws";
import { expect, test } from "vitest";
import { AIJobService, type Progress, type ServiceOptions } from "../src/index.js";
import { PACE } from "../src/options.js";
import { AGAIN, heard, refused } from "./kit.js";

const { YARD_URL: baseUrl = "", YARD_OTHER_URL: otherUrl = "", YARD_TOKEN: token = "" } = process.env;
const WISH = "a login flowchart [fake:good objects=6]";
const SLOWLY = "a login flowchart [fake:good objects=20 chunk_delay_s=0.02]";
/** Polls are the net for what ends before there is a connection; events are much faster. */
const NET = { first: 5000, most: 5000, live: 600_000 };

function service(options: Partial<ServiceOptions> = {}): AIJobService {
  return new AIJobService({ baseUrl, getToken: () => token, WebSocketImpl: WebSocket, pace: NET, ...options });
}

async function stored(job_id: string, what: "result" | "status"): Promise<Record<string, unknown>> {
  const headers = { Authorization: `Bearer ${token}` };
  const answer = await fetch(`${baseUrl}/api/ai-agent/job/${job_id}/${what}`, { headers });
  return (await answer.json()) as Record<string, unknown>;
}

function grew(progress: readonly Progress[]): boolean {
  return progress.some(({ status, objects }) => status === "processing" && objects.length > 0);
}

const ways: Record<string, Partial<ServiceOptions>> = {
  "a WebSocket": {},
  "Socket.IO": { io, WebSocketImpl: null },
  "polls alone": { WebSocketImpl: null, pace: PACE },
};

test.each(Object.keys(ways))("a canvas comes back as the server has stored it, by %s", async (way) => {
  const { progress, onProgress } = heard();
  const result = await service(ways[way]).createCanvasWithAI(SLOWLY, { style: "minimal", onProgress });
  const last = progress.at(-1) as Progress;
  expect((await stored(last.job_id, "result"))["result"]).toEqual(result);
  expect(last).toMatchObject({ status: "completed", progress: 100, objects: result.objects });
  expect(result.objects.length).toBe(20);
  expect(grew(progress)).toBe(way !== "polls alone"); // polls know nothing of what is being drawn
});

test("a token that Socket.IO refuses is renewed", async () => {
  let renewed = false;
  const getToken = (renew: boolean): string => ((renewed ||= renew) ? token : "old");
  const signed: typeof fetch = (url, asked) => {
    return fetch(url, { ...asked, headers: { ...asked?.headers, Authorization: `Bearer ${token}` } });
  };
  const { progress, onProgress } = heard();
  const ours = service({ io, getToken, fetch: signed, again: AGAIN });
  await ours.createCanvasWithAI(SLOWLY, { onProgress });
  expect(renewed).toBe(true);
  expect(grew(progress)).toBe(true);
});

test("a canvas draws itself, and who is cut twenty times and moved each time ends with the very result", async () => {
  const [sockets, drawn]: [WebSocket[], number[]] = [[], []];
  class Moving extends WebSocket {
    constructor(address: string, protocols: string[]) {
      super(address.replace(hostOf(baseUrl), hostOf(sockets.length % 2 ? otherUrl : baseUrl)), protocols);
      sockets.push(this);
    }
  }
  const { progress, onProgress } = heard();
  const cutting = (one: Progress): void => {
    onProgress(one);
    if (one.status !== "processing" || one.objects.length <= (drawn.at(-1) ?? 0) || drawn.length === CUTS) return;
    drawn.push(one.objects.length);
    sockets.at(-1)?.terminate();
  };
  const ours = service({ again: AGAIN, WebSocketImpl: Moving });
  const wish = `a flow [fake:good objects=${SHAPES} chunk_delay_s=0.06]`;
  const result = await ours.createCanvasWithAI(wish, { onProgress: cutting });
  const [last, before] = [progress.at(-1) as Progress, progress.at(-2) as Progress];
  expect(new Set(sockets.map(({ url }) => new URL(url).host))).toEqual(new Set([baseUrl, otherUrl].map(hostOf)));
  expect([drawn.length, sockets.length, result.objects.length]).toEqual([CUTS, CUTS + 1, SHAPES]);
  const counts = progress.map(({ objects }) => objects.length);
  expect(counts).toEqual([...counts].sort((a, b) => a - b));
  expect(text(result.objects.slice(0, before.objects.length))).toBe(text(before.objects));
  const kept = (await stored(last.job_id, "result"))["result"] as typeof result;
  expect(text(result)).toBe(text(kept));
  expect(text(last.objects)).toBe(text(kept.objects));
});
const [CUTS, SHAPES] = [20, 50];
const hostOf = (url: string): string => new URL(url).host;
const text = JSON.stringify;

test("the same key finds the same job", async () => {
  const ours = service();
  const [first, second] = [await ours.enqueueCanvas(WISH, KEY), await ours.enqueueCanvas(WISH, KEY)];
  expect(second.job_id).toBe(first.job_id);
  expect(await refused(ours.enqueueCanvas("another wish", KEY))).toMatchObject({ code: "idempotency_conflict" });
  expect((await ours.resultOf(first.job_id)).objects.length).toBe(6);
});
const KEY = { idempotencyKey: `key-${Date.now()}` };

test("who aborts cancels the job", async () => {
  const over = new AbortController();
  const ours = service();
  const { job_id } = await ours.enqueueCanvas(WISH, { delay_s: 600 });
  const result = refused(ours.resultOf(job_id, { signal: over.signal, onProgress: () => over.abort() }));
  expect(await result).toMatchObject({ name: "Aborted", job_id });
  await expect.poll(async () => (await stored(job_id, "status"))["job"]).toMatchObject({ status: "cancelled" });
});

test("a cancel ends the waiting of whoever follows the job live", async () => {
  const ours = service();
  const { job_id } = await ours.enqueueCanvas(WISH, { delay_s: 600 });
  const onProgress = (): void => void ours.cancel(job_id);
  expect(await refused(ours.resultOf(job_id, { onProgress }))).toMatchObject({ name: "JobCancelled", job_id });
});

test("what the server refuses comes as an error with its details", async () => {
  const style = "baroque" as "modern";
  const error = await refused(service().createCanvasWithAI(WISH, { style }));
  expect(error).toMatchObject({ name: "RequestRefused", code: "invalid", status: 422, details: [{ field: "style" }] });
  const stranger = service({ getToken: () => "nobody" });
  expect(await refused(stranger.createCanvasWithAI(WISH))).toMatchObject({ name: "AuthenticationError", status: 401 });
  const absent = "00000000-0000-7000-8000-000000000000";
  expect(await refused(service().resultOf(absent))).toMatchObject({ name: "RequestRefused", code: "not_found" });
});
