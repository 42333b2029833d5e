// What is paused: words for it, and the banner that stands on every page while a pause holds; for operators.

import { get } from "./api.js";
import { setText } from "./dom.js";
import * as samples from "./samples.js";
import { moment } from "./words.js";

/** The job types that the fleet knows, from its workers and its queue. */
export function typesOf(fleet) {
  const known = [...fleet.workers.flatMap((worker) => worker.job_types), ...fleet.queues.map((queue) => queue.job_type)];
  return [...new Set(known)].sort();
}

export async function inForce() {
  return (await get("/operations/pauses")).pauses;
}

export function whatOf(pause) {
  return pause.job_type === null ? "all jobs" : pause.job_type;
}

export function untilOf(pause) {
  return pause.resume_at === null ? "somebody resumes it" : moment(pause.resume_at);
}

/** `box` holds an element for the words; it is hidden while nothing is paused. */
export function banner(box) {
  const words = box.querySelector("[role=status]");
  const tell = (pauses) => {
    setText(words, pauses.length ? `Paused: ${pauses.map((one) => `${whatOf(one)} until ${untilOf(one)}`).join("; ")}.` : "");
    box.hidden = !pauses.length;
  };
  samples.watch((history) => {
    const told = history.findLast((sample) => sample.pauses); // while the server is away the last answer stands
    tell(told?.pauses ?? []);
  });
  return () => tell([]);
}
