/** A small server that speaks as Yardmaster does, over real sockets, and does what a test tells it. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import type { CanvasObject, CanvasResult, Job, Status } from "../src/index.js";

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Record<string, unknown>;
}

/** What the next request gets: an answer, or none ("lost": carried out, but the connection is cut). */
export type Fault = "lost" | { status: number; body?: unknown; headers?: Record<string, string> };

export const PREFIX = "/api/ai-agent";

export class Yard {
  readonly seen: Seen[] = [];
  readonly faults: Fault[] = [];
  readonly jobs = new Map<string, Job>();
  readonly tokens = new Set(["first"]);
  readonly sockets = new Set<WebSocket>();
  readonly closed: number[] = [];
  /** What a new connection is told at once. */
  snapshot: () => void = () => undefined;
  /** The addresses at which a WebSocket was asked for. */
  readonly upgraded: string[] = [];
  #keys = new Map<string, string>();
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
    const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => "bearer" });
    this.#server.on("upgrade", (request, socket, head) => {
      this.upgraded.push(request.url ?? "");
      socket.on("error", () => undefined); // who hangs up in the middle of it
      if (this.#knows(request)) sockets.handleUpgrade(request, socket, head, (ws) => this.#joined(ws));
      else socket.end("HTTP/1.1 401 Unauthorized\r\n\r\n");
    });
  }

  async start(port = 0): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(port, "127.0.0.1", resolve));
    return this;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.terminate();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get server(): Server {
    return this.#server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get connections(): number {
    return this.upgraded.length;
  }

  asked(method: string, ending: string): Seen[] {
    return this.seen.filter((one) => one.method === method && one.path.endsWith(ending));
  }

  job(id: string, changed: Partial<Job> = {}): Job {
    const version = (this.jobs.get(id)?.version ?? 0) + 1;
    const job = { ...(this.jobs.get(id) ?? fresh(id)), version, ...changed };
    this.jobs.set(id, job);
    return job;
  }

  complete(id: string): CanvasResult {
    const result = canvas("a", "b");
    this.job(id, { status: "completed", progress: 100, result_data: { ...result } });
    return result;
  }

  tell(event: string, data: Record<string, unknown>): void {
    for (const socket of this.sockets) socket.send(JSON.stringify({ event, data }));
  }

  /** The job as it stands, as an event. */
  tellOf(id: string, more: Record<string, unknown> = {}): void {
    const { status, version, progress, result_data, error_message } = this.jobs.get(id) as Job;
    const told = { job_id: id, status, version };
    if (status === "completed") this.tell("ai_job_complete", { ...told, result: result_data, progress: 100 });
    else if (status === "queued" || status === "processing") {
      this.tell("ai_job_update", { ...told, message: status, progress, ...more });
    } else this.tell("ai_job_error", { ...told, error: error_message });
  }

  #joined(ws: WebSocket): void {
    this.sockets.add(ws);
    ws.on("close", (code) => {
      this.sockets.delete(ws);
      this.closed.push(code);
    });
    this.snapshot();
  }

  #knows({ headers }: IncomingMessage): boolean {
    const offered = headers["sec-websocket-protocol"]?.replace(/^bearer, */, "");
    return this.tokens.has(offered ?? headers.authorization?.replace("Bearer ", "") ?? "");
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = "";
    for await (const piece of request) text += piece;
    const { method = "", url: path = "", headers } = request;
    this.seen.push({ method, path, headers, body: text ? JSON.parse(text) : {} });
    const fault = this.faults.shift();
    if (fault && fault !== "lost") return answer(response, fault.status, fault.body, fault.headers);
    if (!this.#knows(request)) return answer(response, 401, refusal("unauthorized", "No valid token"));
    if (fault === "lost") return this.#lose(response, this.seen.at(-1) as Seen);
    this.#answer(response, this.seen.at(-1) as Seen);
  }

  /** What was asked is done, and nobody hears of it. */
  #lose(response: ServerResponse, seen: Seen): void {
    if (seen.path.endsWith("/create-canvas")) this.#made(String(seen.headers["idempotency-key"]));
    response.socket?.destroy();
  }

  #made(key: string): string {
    const id = this.#keys.get(key) ?? `job-${this.#keys.size + 1}`;
    this.#keys.set(key, id);
    if (!this.jobs.has(id)) this.job(id);
    return id;
  }

  #answer(response: ServerResponse, { method, path, headers }: Seen): void {
    const key = String(headers["idempotency-key"]);
    if (path.endsWith("/create-canvas")) return answer(response, 202, accepted(this.#made(key)));
    const [, id = "", verb = ""] = /\/job\/([^/]+)\/(\w+)$/.exec(path) ?? [];
    const job = this.jobs.get(id);
    if (!job) return answer(response, 404, refusal("not_found", "Job not found"));
    if (method === "POST" && verb === "cancel") return this.#cancel(response, job);
    const etag = `"${job.version}"`;
    if (headers["if-none-match"] === etag) return answer(response, 304, undefined, { ETag: etag });
    answer(response, 200, { success: true, job }, { ETag: etag });
  }

  #cancel(response: ServerResponse, { id }: Job): void {
    const { status } = this.job(id, { status: "cancelled" });
    answer(response, 200, { success: true, message: "Job cancelled", status });
  }
}

export function shape(id: string, x = 0): CanvasObject {
  const moment = "2026-01-31T12:00:00.000Z";
  const by = { created_by: "ann", created_at: moment, updated_at: moment };
  const properties = { x, y: 0, width: 160, height: 60, fill: "#FFFFFF", stroke: "#334155", strokeWidth: 2 };
  return { id, canvas_id: "wall", object_type: "rectangle", properties, z_index: 0, ...by };
}

export function canvas(...ids: string[]): CanvasResult {
  const objects = ids.map((id) => shape(id));
  const by = { message: "Drawn", request_id: "r-1", provider: "local", model: "drawer" };
  return { success: true, canvas_id: "wall", title: "A wall", objects, ...by };
}

export function refusal(code: string, error: string): Record<string, unknown> {
  return { error, code, request_id: "Web-7", details: [] };
}

function accepted(id: string): Record<string, unknown> {
  const at = (verb: string): string => `${PREFIX}/job/${id}/${verb}`;
  const links = { status: at("status"), result: at("result"), cancel: at("cancel"), events: `${PREFIX}/ws` };
  return { success: true, job_id: id, message: "Canvas creation job started", status: "queued", links };
}

function fresh(id: string): Job {
  const [created_at, status] = ["2026-01-31T12:00:00.000Z", "queued" as Status];
  const none = { canvas_id: null, error_message: null, error_code: null, progress_message: null, usage: null };
  const times = { created_at, started_at: null, completed_at: null, next_processing_at: null, queue_position: 0 };
  const counts = { priority: 0, retry_count: 0, max_retries: 3, progress: 0, version: 0 };
  const made = { id, user_id: "ann", job_type: "create_canvas", request_data: {}, result_data: null };
  return { ...made, status, ...none, ...times, ...counts };
}

function answer(response: ServerResponse, status: number, body?: unknown, headers: Record<string, string> = {}): void {
  const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
  response.writeHead(status, { "Content-Type": "application/json", ...headers }).end(text);
}
