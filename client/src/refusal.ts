import { type About, type AIJobError, AuthenticationError, RequestRefused, Unavailable } from "./errors.js";
import type { Answer } from "./http.js";
import type { Schemas } from "./types.js";

const COMES_BACK = new Set([408, 425, 429]);

/** The error that an answer of 400 and above stands for; a proxy's own may say nothing but its status. */
export function refusal({ status, headers, body }: Answer): AIJobError {
  const told: Partial<Schemas["Error"]> = typeof body === "object" && body !== null ? body : {};
  const message = told.error ?? `The server answered ${status}`;
  const about: About = { code: told.code ?? `http_${status}`, status, request_id: told.request_id ?? null };
  if (status === 401) return new AuthenticationError(message, about);
  if (status >= 500 || COMES_BACK.has(status)) return new Unavailable(message, about, retryAfter(headers));
  return new RequestRefused(message, about, told.details);
}

/** Seconds, or a date (RFC 9110, section 10.2.3); null for none, or what is neither. */
function retryAfter(headers: Headers): number | null {
  const said = headers.get("Retry-After");
  if (said === null) return null;
  const milliseconds = /^\d+$/.test(said) ? Number(said) * 1000 : Date.parse(said) - Date.now();
  return Number.isNaN(milliseconds) ? null : Math.max(0, milliseconds);
}
