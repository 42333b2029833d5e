export const PREFIX = "/api/ai-agent";
export const EVENTS_PATH = `${PREFIX}/ws`;

/** `base` is "" for the page's own server; null: there is no page, as where a server renders it. */
export function serverOf(base: string): string | null {
  const own = globalThis.location?.origin;
  if (base === "" && own === undefined) return null;
  return new URL(base === "" ? "/" : base, own).href.replace(/\/+$/, "");
}

/** ws for http, wss for https. */
export function socketAddress(server: string, path: string): string {
  return (server + path).replace(/^http/, "ws");
}
