/** Milliseconds that grow from `first` to `most`, each up to a quarter less: many clients shall not come at once. */
export class Pauses {
  readonly #first: number;
  readonly #most: number;
  #next: number;

  constructor(first: number, most: number) {
    this.#first = this.#next = first;
    this.#most = most;
  }

  next(): number {
    const pause = this.#next;
    this.#next = Math.min(this.#most, pause * 1.5);
    return pause * (1 - Math.random() / 4);
  }

  restart(): void {
    this.#next = this.#first;
  }
}

/** What a timer can count, in milliseconds: 24 days. A longer one would end at once. */
export const LONGEST_MS = 2 ** 31 - 1;

/** Calls at that time, as Date.now() counts; returns how not to. */
export function at(time: number, call: () => void): () => void {
  const timer = setTimeout(call, Math.min(Math.max(0, time - Date.now()), LONGEST_MS));
  return () => clearTimeout(timer);
}

/** Resolves after so long, or as soon as one of the signals has fired. */
export function sleep(milliseconds: number, ...signals: AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      clearTimeout(timer);
      for (const signal of signals) signal.removeEventListener("abort", wake);
      resolve();
    };
    const timer = setTimeout(wake, Math.min(milliseconds, LONGEST_MS));
    for (const signal of signals) signal.addEventListener("abort", wake);
    if (signals.some((signal) => signal.aborted)) wake();
  });
}
