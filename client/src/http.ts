import { Aborted, AIJobError, Unavailable } from "./errors.js";
import { refusal } from "./refusal.js";
import type { Token } from "./token.js";

export interface Asked {
  readonly method?: "GET" | "POST";
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** `body` is null where there is none, or no JSON. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

/** Signed requests to one server; `base` is null where nobody knows it. */
export class Http {
  readonly #base: string | null;
  readonly #token: Token;
  readonly #fetch: typeof fetch;
  readonly #patience_ms: number;

  constructor(base: string | null, token: Token, fetching: typeof fetch, patience_ms: number) {
    this.#base = base;
    this.#token = token;
    this.#fetch = fetching;
    this.#patience_ms = patience_ms;
  }

  /** A 2xx or 304; a token that is refused is renewed once. Throws one of errors.ts. */
  async ask(asked: Asked): Promise<Answer> {
    if (this.#base === null) throw new AIJobError("baseUrl is needed where there is no page", { code: "no_server" });
    const token = await this.#token.current();
    const answer = await this.#sent(asked, token);
    if (answer.status !== 401) return taken(answer);
    return taken(await this.#sent(asked, await this.#token.instead(token)));
  }

  async #sent(asked: Asked, token: string): Promise<Answer> {
    try {
      const answer = await this.#fetch(this.#base + asked.path, this.#request(asked, token));
      const text = await answer.text();
      return { status: answer.status, headers: answer.headers, body: parsed(text) };
    } catch (cause) {
      if (asked.signal?.aborted) throw new Aborted("Nobody waits for the answer any longer", { code: "aborted" });
      throw new Unavailable("The server cannot be reached", { code: "unreachable", cause });
    }
  }

  #request({ method = "GET", body, headers, signal }: Asked, token: string): RequestInit {
    const content = body === undefined ? {} : { "Content-Type": "application/json" };
    const patience = AbortSignal.timeout(this.#patience_ms);
    return {
      method,
      headers: { Authorization: `Bearer ${token}`, ...content, ...headers },
      body: body === undefined ? null : JSON.stringify(body),
      cache: "no-store", // the ETag is sent by whoever polls; a browser's own cache would hide the 304
      signal: signal ? AbortSignal.any([signal, patience]) : patience,
    };
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function taken(answer: Answer): Answer {
  if (answer.status >= 400) throw refusal(answer);
  return answer;
}

/** The answer's body, which has to be an object with something in this field. */
export function bodyWith<Body>({ status, body }: Answer, field: keyof Body): Body {
  if ((body as Partial<Body> | null)?.[field]) return body as Body;
  throw unexpected(status);
}

export function unexpected(status: number): AIJobError {
  const about = { code: "unexpected_answer", status };
  return new AIJobError("The answer is not what Yardmaster says: does baseUrl name it?", about);
}
