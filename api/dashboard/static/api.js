// Every request of the dashboard: the cookie signs it, and a change carries the CSRF token.

export const BASE = "/api/ai-agent";
const PATIENCE_MS = 60_000;
let csrf = "";
let onSignedOut = () => {};

/** A refusal of the server's: `status`, `message` for people, `details` by field. */
export class Refused extends Error {
  constructor(status, body) {
    super(body.error ?? `The server answered ${status}`);
    this.status = status;
    this.details = body.details ?? [];
  }
}

/** Whom to tell when the session is over. */
export function whenSignedOut(told) {
  onSignedOut = told;
}

export const get = (path) => ask("GET", path);
export const post = (path, body, headers) => ask("POST", path, body, headers);
export const remove = (path) => ask("DELETE", path);

/** Returns the session {user_id, operator, ...}; throws Refused. */
export async function signIn(token) {
  return entered(await ask("POST", "/session", undefined, { Authorization: `Bearer ${token}` }));
}

export async function session() {
  return entered(await ask("GET", "/session"));
}

export async function signOut() {
  await ask("DELETE", "/session");
  csrf = "";
}

/** {status, ...}: health answers 503 when something is wrong, and says what. */
export async function health() {
  const answer = await sent("GET", "/health", {});
  return answer.json().catch(() => ({ error: `The server answered ${answer.status}` }));
}

function entered(found) {
  csrf = found.csrf_token;
  return found;
}

async function ask(method, path, body, more = {}) {
  const headers = { ...more };
  if (method !== "GET") headers["X-CSRF-Token"] = csrf;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await sent(method, path, headers, body);
  const told = await answer.json().catch(() => ({}));
  if (answer.ok) return told;
  if (answer.status === 401 && path !== "/session") onSignedOut();
  throw new Refused(answer.status, told);
}

async function sent(method, path, headers, body) {
  const text = body === undefined ? undefined : JSON.stringify(body);
  try {
    return await fetch(BASE + path, { method, headers, body: text, signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch {
    throw new Refused(0, { error: "The server cannot be reached" });
  }
}
