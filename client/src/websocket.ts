import type { Connect } from "./live.js";

/** The browser's WebSocket, or one that is like it: that of the package `ws`, for Node.js. */
export interface SocketLike {
  addEventListener(type: "message", heard: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: "close", heard: (event: { readonly code: number }) => void): void;
  addEventListener(type: "error", heard: () => void): void;
  close(): void;
}
export type SocketClass = new (address: string, protocols: string[]) => SocketLike;

const POLICY_VIOLATION = 1008; // how the server closes when the token ends

/** `address` is looked up for each connection: the first answer of the server's may name it. */
export function overWebSocket(Socket: SocketClass, address: () => string): Connect {
  return (token, hears) => {
    const socket = new Socket(address(), ["bearer", token]);
    socket.addEventListener("message", ({ data }) => {
      const { event, data: told } = parsed(data);
      hears.heard(event, told);
    });
    socket.addEventListener("close", ({ code }) => hears.closed(code === POLICY_VIOLATION));
    socket.addEventListener("error", () => undefined); // "close" follows
    return socket;
  };
}

function parsed(text: unknown): { event?: unknown; data?: unknown } {
  try {
    return JSON.parse(String(text)) ?? {};
  } catch {
    return {};
  }
}
