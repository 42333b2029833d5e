import { AIJobError, Unavailable } from "./errors.js";
import type { GetToken } from "./types.js";

/** The user's token; requests that are refused at the same time share one renewal. */
export class Token {
  readonly #getToken: GetToken;
  #renewal: Promise<string> | null = null;

  constructor(getToken: GetToken) {
    this.#getToken = getToken;
  }

  current(): Promise<string> {
    return this.#renewal ?? this.#got(false);
  }

  /** Another one than `refused`. */
  async instead(refused: string): Promise<string> {
    const current = await this.current();
    if (current !== refused) return current;
    this.#renewal ??= this.#got(true).finally(() => {
      this.#renewal = null;
    });
    return this.#renewal;
  }

  /** What getToken throws is taken for a lost connection, unless it is one of our own errors. */
  async #got(renew: boolean): Promise<string> {
    try {
      return await this.#getToken(renew);
    } catch (cause) {
      if (cause instanceof AIJobError) throw cause;
      throw new Unavailable("No token could be had: getToken failed", { code: "no_token", cause });
    }
  }
}
