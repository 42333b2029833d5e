import { expect, test } from "vitest";
import { AuthenticationError } from "../src/index.js";
import { followed, listening, polling, refused, until, withYard } from "./kit.js";
import { canvas } from "./yard.js";

const yard = withYard();

/** A caller's getToken: the next of these tokens at each renewal. */
function tokens(...known: string[]): { getToken: (renew: boolean) => string; renewed: () => number } {
  let at = 0;
  const getToken = (renew: boolean): string => {
    if (renew) at += 1;
    return known[at] ?? "none";
  };
  return { getToken, renewed: () => at };
}

test("a token that is refused is renewed once, and the same request is made again", async () => {
  const { getToken, renewed } = tokens("old", "first");
  yard().complete("job-1");
  expect(await polling({ getToken }).createCanvasWithAI("a login")).toEqual(canvas("a", "b"));
  const [refusedOne, taken] = yard().asked("POST", "/create-canvas");
  expect(refusedOne?.headers.authorization).toBe("Bearer old");
  expect(taken?.headers.authorization).toBe("Bearer first");
  expect(taken?.headers["idempotency-key"]).toBe(refusedOne?.headers["idempotency-key"]);
  expect(renewed()).toBe(1);
});

test("when the new token is refused, too, nothing is tried any more", async () => {
  const { getToken, renewed } = tokens("old", "older", "first");
  const error = await refused(polling({ getToken }).createCanvasWithAI("a login"));
  expect(error).toBeInstanceOf(AuthenticationError);
  expect(error).toMatchObject({ code: "unauthorized", status: 401, request_id: "Web-7" });
  expect(renewed()).toBe(1);
  expect(yard().seen.length).toBe(2);
});

test("a token that ends while a job is polled is renewed; one that cannot be ends the waiting", async () => {
  const { getToken, renewed } = tokens("first", "second", "third");
  const result = refused(polling({ getToken }).createCanvasWithAI("a login"));
  await until(() => yard().asked("GET", "/status").length > 0, "poll");
  yard().tokens.clear();
  yard().tokens.add("second");
  await until(() => yard().seen.at(-1)?.headers.authorization === "Bearer second", "renewal");
  expect(renewed()).toBe(1);
  yard().tokens.clear();
  expect(await result).toBeInstanceOf(AuthenticationError);
});

test("requests that are refused at the same time share one renewal", async () => {
  const { getToken, renewed } = tokens("old", "first", "another");
  const waiting: Array<() => void> = [];
  const slow = async (renew: boolean): Promise<string> => {
    const token = getToken(renew);
    if (yard().seen.length > 0 && renewed() === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    return token;
  };
  const ours = polling({ getToken: slow });
  const enqueued = Promise.all(["a", "b", "c"].map((wish) => ours.enqueueCanvas(wish)));
  await until(() => waiting.length === 3, "third refusal");
  for (const go of waiting) go();
  await enqueued;
  expect(renewed()).toBe(1);
  expect(yard().jobs.size).toBe(3);
});

test("a renewal that fails is taken for a lost connection", async () => {
  let failures = 2;
  const getToken = (): string => {
    if (failures-- > 0) throw new TypeError("Failed to fetch");
    return "first";
  };
  expect((await polling({ getToken }).enqueueCanvas("a login")).job_id).toBe("job-1");
});

test("who is signed out says so by an error of ours", async () => {
  const getToken = (): string => {
    throw new AuthenticationError("Signed out", { code: "signed_out" });
  };
  expect(await refused(polling({ getToken }).enqueueCanvas("a login"))).toMatchObject({ code: "signed_out" });
  expect(yard().seen).toEqual([]);
});

test("a live connection that ends with its token is made again with another one", async () => {
  const { getToken, renewed } = tokens("first", "second");
  yard().job("job-1");
  followed(listening({ getToken }), "job-1");
  await until(() => yard().sockets.size === 1, "connection");
  yard().tokens.clear();
  yard().tokens.add("second");
  for (const socket of yard().sockets) socket.close(1008, "the token has expired");
  await until(() => yard().connections === 2 && yard().sockets.size === 1, "second connection");
  expect(renewed()).toBe(1);
});
