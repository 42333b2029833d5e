import { Drawing } from "./canvas.js";
import { type AIJobError, JobCancelled, JobFailed } from "./errors.js";
import type { Failure, Message, Update } from "./messages.js";
import type { CanvasResult, Job, JobUpdate, Progress } from "./types.js";

export const UNKNOWN: JobUpdate = {
  status: null,
  message: "",
  progress: 0,
  objects: [],
  result: null,
  error: null,
};

/** One job as events and polls tell of it, each change once and in order. */
export class JobView {
  readonly #job_id: string;
  readonly #drawing = new Drawing();
  /** The newest version, whoever told it. */
  #seen = -1;
  /** The newest that an event told: a poll may overtake an event, but knows nothing of objects. */
  #told = -1;
  #update = UNKNOWN;

  constructor(job_id: string) {
    this.#job_id = job_id;
  }

  get update(): JobUpdate {
    return this.#update;
  }

  /** Nothing changes any more. */
  get ended(): boolean {
    return this.#update.status === "completed" || this.#update.error !== null;
  }

  /** Whether events are as far as polls are. */
  get hears(): boolean {
    return this.#told >= this.#seen;
  }

  /** Takes an event; returns whether anything has changed. */
  told(message: Message): boolean {
    if (this.ended || this.#repeats(message)) return false;
    this.#told = message.version;
    if (message.event === "ai_job_update") return this.#updated(message);
    if (!this.#isNew(message.version)) return false;
    if (message.event === "ai_job_complete") this.#completed(message.result);
    else this.failed(this.#failure(message.status, message.error, message.error_code ?? "failed"));
    return true;
  }

  /** Takes what the status route says; returns whether anything has changed. */
  polled(job: Job): boolean {
    if (this.ended || !this.#isNew(job.version)) return false;
    if (job.status === "completed") this.#completed(job.result_data as unknown as CanvasResult);
    else if (job.status === "queued" || job.status === "processing") {
      this.#set({ status: job.status, message: job.progress_message ?? waiting(job.status), progress: job.progress });
    } else this.failed(this.#failure(job.status, job.error_message, job.error_code));
    return true;
  }

  /** It has ended without a result, or cannot be followed. */
  failed(error: AIJobError): void {
    const status = error instanceof JobFailed ? "failed" : error instanceof JobCancelled ? "cancelled" : null;
    this.#set({ status: status ?? this.#update.status, message: error.message, error });
  }

  /** As `onProgress` tells it; null while nothing is known. */
  get progress(): Progress | null {
    const { status, message, progress, objects } = this.#update;
    return status && { job_id: this.#job_id, status, message, progress, objects };
  }

  /** The snapshot of a new connection may say the same version again, with all objects. */
  #repeats({ version, ...message }: Message): boolean {
    const anew = message.event === "ai_job_update" && message.anew === true;
    return anew ? version < this.#told : version <= this.#told;
  }

  #isNew(version: number): boolean {
    if (version <= this.#seen) return false;
    this.#seen = version;
    return true;
  }

  #updated(message: Update): boolean {
    const drew = this.#drawing.put(message);
    const isNew = this.#isNew(message.version);
    const { status, message: text, progress } = isNew ? message : this.#update;
    if (drew || isNew) this.#set({ status, message: text, progress, objects: this.#drawing.objects });
    return drew || isNew;
  }

  /** The result replaces whatever was shown while it was drawn. */
  #completed(result: CanvasResult): void {
    const objects = result?.objects ?? this.#update.objects;
    this.#set({ status: "completed", message: result?.message ?? "Completed", progress: 100, objects, result });
  }

  #failure(status: Failure["status"], message: string | null, code: string | null): AIJobError {
    const job_id = this.#job_id;
    if (status === "cancelled") return new JobCancelled("The job was cancelled", { code: "cancelled", job_id });
    return new JobFailed(message ?? "The job failed", { code: code ?? "failed", job_id });
  }

  #set(changed: Partial<JobUpdate>): void {
    this.#update = { ...this.#update, ...changed };
  }
}

function waiting(status: "queued" | "processing"): string {
  return status === "queued" ? "Waiting for its turn" : "Running";
}
