// How times, durations and states are written.

const clock = new Intl.DateTimeFormat([], { dateStyle: "medium", timeStyle: "medium" });

export function moment(iso) {
  return iso ? clock.format(new Date(iso)) : "–";
}

/** 4 ms, 1.4 s, 12 s, 3 min 5 s, 25 min, 2 h 10 min, 3 d 4 h; "–" for null. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || Number.isNaN(seconds)) return "–";
  if (seconds <= 0) return "0 s";
  if (seconds < 1) return `${Math.max(1, Math.round(seconds * 1000))} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

/** In one unit: 12 s ago, 3 min ago, 2 h ago. */
export function ago(iso) {
  if (!iso) return "–";
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(iso)) / 1000));
  const [size, unit] = [[86400, "d"], [3600, "h"], [60, "min"]].find(([one]) => seconds >= one) ?? [1, "s"];
  return `${Math.floor(seconds / size)} ${unit} ago`;
}

/** Seconds from one moment to another; null when one of them is not there. */
export function between(from, to) {
  return from && to ? Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000) : null;
}

/** A queued job that waits for a time is told as what it is to people. */
export function stateOf(job) {
  return job.status === "queued" && job.next_processing_at ? "waiting" : job.status;
}

/** What a job is about, in a line. */
export function titleOf(job) {
  const about = job.request_data ?? {};
  const said = about.instructions ?? about.title;
  return typeof said === "string" && said.trim() ? said : `${job.job_type} ${job.id.slice(0, 8)}`;
}

export const number = new Intl.NumberFormat();
