import type { Token } from "./token.js";
import { Pauses, sleep } from "./pauses.js";

export interface Line {
  close(): void;
}

/** What a connection tells: events, and once that it is over, `expired` when the token was the reason. */
export interface Hears {
  heard(event: unknown, data: unknown): void;
  closed(expired: boolean): void;
}

/** Opens a connection, and never throws later. */
export type Connect = (token: string, hears: Hears) => Line;

/** How it went with a connection; `heard` whether anything came over it. */
interface End {
  readonly heard: boolean;
  readonly expired: boolean;
}

/** One connection, made again after ever longer pauses for as long as it is wanted. */
export class Live {
  readonly #connect: Connect;
  readonly #token: Token;
  readonly #pauses: Pauses;
  readonly #heard: Hears["heard"];
  readonly #cut: () => void;
  #wanted: AbortController | null = null;

  /** `cut` is told whenever a connection has ended that nobody wanted to end. */
  constructor(connect: Connect, token: Token, pauses: Pauses, heard: Hears["heard"], cut: () => void) {
    this.#connect = connect;
    this.#token = token;
    this.#pauses = pauses;
    this.#heard = heard;
    this.#cut = cut;
  }

  open(): void {
    if (this.#wanted) return;
    this.#wanted = new AbortController();
    void this.#keep(this.#wanted.signal);
  }

  close(): void {
    this.#wanted?.abort();
    this.#wanted = null;
  }

  async #keep(stop: AbortSignal): Promise<void> {
    let expired: string | null = null;
    this.#pauses.restart();
    while (!stop.aborted) {
      const token = await this.#tokenInsteadOf(expired);
      if (stop.aborted) return;
      const end = token === null ? { heard: false, expired: false } : await this.#connection(token, stop);
      if (stop.aborted) return;
      this.#cut();
      expired = end.expired ? token : null;
      if (end.heard) this.#pauses.restart(); // a server that only lets in and throws out is not asked every second
      await sleep(this.#pauses.next(), stop);
    }
  }

  /** null when there is none now; who polls says why. */
  async #tokenInsteadOf(expired: string | null): Promise<string | null> {
    const token = expired === null ? this.#token.current() : this.#token.instead(expired);
    return token.catch(() => null);
  }

  /** Resolves when the connection has ended, or as soon as `stop` fires. */
  #connection(token: string, stop: AbortSignal): Promise<End> {
    return new Promise((resolve) => {
      let heard = false;
      const line = this.#line(token, {
        heard: (event, data) => {
          heard = true;
          if (!stop.aborted) this.#heard(event, data);
        },
        closed: (expired) => {
          stop.removeEventListener("abort", end);
          resolve({ heard, expired });
        },
      });
      const end = (): void => {
        line.close();
        resolve({ heard, expired: false });
      };
      stop.addEventListener("abort", end);
    });
  }

  /** A connection that cannot even be tried (a token that is no subprotocol) has ended. */
  #line(token: string, hears: Hears): Line {
    try {
      return this.#connect(token, hears);
    } catch {
      queueMicrotask(() => hears.closed(false));
      return { close: () => undefined };
    }
  }
}
