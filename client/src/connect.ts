import type { Connect } from "./live.js";
import type { ServiceOptions } from "./options.js";
import { socketAddress } from "./paths.js";
import { overSocketIO } from "./socketio.js";
import { overWebSocket } from "./websocket.js";

/** How to get live events; null: there are none, and polls tell everything. `events` is the WebSocket's path. */
export function connectOf(options: ServiceOptions, server: string | null, events: () => string): Connect | null {
  if (server === null) return null;
  if (options.io) return overSocketIO(options.io, new URL(server).origin); // a path would name another namespace
  const Socket = options.WebSocketImpl === undefined ? globalThis.WebSocket : options.WebSocketImpl;
  return Socket ? overWebSocket(Socket, () => socketAddress(server, events())) : null;
}
