export const PREFIX = "/api/ai-agent";
export const EVENTS_PATH = `${PREFIX}/ws`;

/** `base` is "" for the page's own server. Throws where there is no page to tell it. */
export function serverOf(base: string): string {
  const own = globalThis.location?.origin;
  if (base === "" && own === undefined) throw new TypeError("baseUrl is needed where there is no page");
  return new URL(base === "" ? "/" : base, own).href.replace(/\/+$/, "");
}

/** ws for http, wss for https. */
export function socketAddress(server: string, path: string): string {
  return (server + path).replace(/^http/, "ws");
}
