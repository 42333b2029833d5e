import type { Connect } from "./live.js";
import { EVENTS } from "./messages.js";

/** What is needed of a socket of socket.io-client. */
export interface IoSocket {
  on(event: string, heard: (told: unknown) => void): unknown;
  disconnect(): unknown;
}
export interface IoOptions {
  readonly auth: { readonly token: string };
  readonly forceNew: true;
  readonly reconnection: false;
}
/** `io` of socket.io-client, or a function around it that adds options, such as `path`. */
export type Io = (url: string, options: IoOptions) => IoSocket;

/** Connecting again is not left to Socket.IO: each connection is signed with the token of its time. */
export function overSocketIO(io: Io, url: string): Connect {
  return (token, hears) => {
    const socket = io(url, { auth: { token }, forceNew: true, reconnection: false });
    for (const event of EVENTS) socket.on(event, (told) => hears.heard(event, told));
    socket.on("disconnect", () => hears.closed(false));
    socket.on("connect_error", (error) => {
      hears.closed(error instanceof Error && /^authentication/i.test(error.message));
      socket.disconnect();
    });
    return { close: () => void socket.disconnect() };
  };
}
