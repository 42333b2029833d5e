import type { Pace } from "./poll.js";
import type { CanvasRequest } from "./requests.js";
import type { Io } from "./socketio.js";
import type { GetToken, Progress } from "./types.js";
import type { SocketClass } from "./websocket.js";

/** From the first pause to the longest one, in milliseconds. */
export interface Growing {
  readonly first: number;
  readonly most: number;
}

export interface ServiceOptions {
  /** Called before each request, so it should keep the token; with `true` after the server has refused it. */
  readonly getToken: GetToken;
  /** Where the server is, such as "https://yard.example.org"; the page's own by default. Needed where there is no page. */
  readonly baseUrl?: string | undefined;
  /** The browser's by default; null: no live events, only polls. In Node.js below 22 that of the package `ws`. */
  readonly WebSocketImpl?: SocketClass | null | undefined;
  /** `io` of socket.io-client: live events over Socket.IO instead of a WebSocket. */
  readonly io?: Io | undefined;
  readonly fetch?: typeof fetch | undefined;
  /** How often to ask for a job's status. */
  readonly pace?: Pace | undefined;
  /** How long to wait before a lost connection is made again, and before a request is repeated. */
  readonly again?: Growing | undefined;
  /** How long one request may take. */
  readonly requestTimeoutMs?: number | undefined;
}

interface Patience {
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
  /** Whether `signal` cancels the job, too: true by default. */
  readonly cancelOnAbort?: boolean | undefined;
  /** 5 minutes by default; the job goes on when they are over. */
  readonly timeoutMs?: number | undefined;
}

export interface EnqueueOptions extends Omit<CanvasRequest, "instructions">, Patience {
  /** A name for this call; by default each call has its own. With the same one the same job is found again. */
  readonly idempotencyKey?: string | undefined;
}

export interface WaitOptions extends Patience {
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

export type CreateOptions = EnqueueOptions & WaitOptions;

export const TIMEOUT_MS = 300_000;
export const PACE: Pace = { first: 1000, most: 5000, live: 15_000 };
export const AGAIN: Growing = { first: 1000, most: 30_000 };
export const REQUEST_TIMEOUT_MS = 30_000;
