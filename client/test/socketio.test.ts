import { type Socket, Server } from "socket.io";
import { io } from "socket.io-client";
import { afterEach, beforeEach, expect, test } from "vitest";
import { followed, heard, listening, until, withYard } from "./kit.js";
import { canvas } from "./yard.js";

const yard = withYard();
let server: Server;
let sockets: Socket[];

beforeEach(() => {
  sockets = [];
  yard().server.removeAllListeners("upgrade");
  server = new Server(yard().server);
  server.use((socket, next) =>
    next(socket.handshake.auth["token"] === "first" ? undefined : new Error("authentication failed")),
  );
  server.on("connection", (socket) => void sockets.push(socket));
});
afterEach(() => server.close());

test("the same events come over Socket.IO, when the caller hands over io", async () => {
  const { progress, onProgress } = heard();
  const result = listening({ io, WebSocketImpl: null }).createCanvasWithAI("a login", { onProgress });
  await until(() => sockets.length === 1 && yard().jobs.has("job-1"), "connection");
  const told = { job_id: "job-1", status: "processing", version: 2, message: "Drawing", progress: 40 };
  server.emit("ai_job_update", { ...told, objects: canvas("a").objects, claim_seq: 1, anew: true });
  server.emit("ai_job_complete", { job_id: "job-1", status: "completed", version: 3, result: canvas("a", "b") });
  expect(await result).toEqual(canvas("a", "b"));
  expect(progress.map(({ message }) => message)).toEqual(["Drawing", "Drawn"]);
  expect(progress[0]?.objects).toEqual(canvas("a").objects);
  await until(() => sockets[0]?.disconnected, "end of the connection");
});

test("a connection that the server ends is made again", async () => {
  yard().job("job-1");
  followed(listening({ io }), "job-1");
  await until(() => sockets.length === 1, "connection");
  sockets[0]?.disconnect(true);
  await until(() => sockets.length === 2, "second connection");
});

test("a token that is refused is renewed", async () => {
  let token = "old";
  const getToken = (renew: boolean): string => (token = renew ? "first" : token);
  yard().tokens.add("old"); // for requests
  yard().job("job-1");
  followed(listening({ io, getToken }), "job-1");
  await until(() => sockets.length === 1, "connection");
  expect(sockets[0]?.handshake.auth["token"]).toBe("first");
});

test("a path of the server is none of Socket.IO's", async () => {
  yard().job("job-1");
  followed(listening({ io, baseUrl: `${yard().url}/yard` }), "job-1");
  await until(() => sockets.length === 1, "connection");
});
