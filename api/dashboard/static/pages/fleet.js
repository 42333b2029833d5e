// Workers, leader, and the queue by job type; for operators.

import { fill, h, setText, table } from "../dom.js";
import * as samples from "../samples.js";
import { ago, duration, number } from "../words.js";

const WORKERS = [
  { title: "Worker" }, { title: "State" }, { title: "Busy", class: "number" }, { title: "Heard of", class: "number less" },
  { title: "Up", class: "number less" }, { title: "Release", class: "less" }, { title: "Job types", class: "less" },
];
const QUEUES = [
  { title: "Job type", class: "name" }, { title: "Ready", class: "number" }, { title: "Waiting", class: "number less" },
  { title: "Running", class: "number" }, { title: "Completed", class: "number less" }, { title: "Failed", class: "number" },
  { title: "Cancelled", class: "number less" }, { title: "Oldest ready", class: "number less" },
];

export function fleet(main) {
  const leader = h("p", {});
  const workers = h("div", {});
  const queues = h("div", {});
  const age = h("small", {});
  main.append(h("h1", {}, "Fleet"),
    h("section", {}, h("h2", {}, "Leader"), leader),
    h("section", {}, h("h2", {}, "Workers"), workers),
    h("section", {}, h("h2", {}, "Queue by job type"), queues, age));
  const stop = samples.watch((history) => {
    const { fleet: found, pauses = [] } = history.at(-1);
    if (!found || main.contains(document.activeElement?.closest(".wide"))) return; // whoever scrolls a table keeps it
    setText(leader, led(found.leader));
    fill(workers, found.workers.length ? table("Workers", WORKERS, found.workers.map(worker)) : h("p", {}, "No worker is there: nothing runs."));
    fill(queues, found.queues.length ? table("Queue by job type", QUEUES, found.queues.map((one) => queue(one, isPaused(one, pauses)))) : h("p", {}, "There are no jobs."));
    setText(age, found.counted_age_s === null ? "" : `Live jobs as counted ${duration(found.counted_age_s)} ago.`);
  });
  samples.look();
  return stop;
}

function led(leader) {
  if (!leader) return "Nobody has led yet.";
  return leader.expired ? `Nobody leads: term ${leader.term} of ${leader.holder} ended ${ago(leader.expires_at)}.` : `${leader.holder}, term ${leader.term}.`;
}

function worker(one) {
  return [
    h("span", { class: "mono", title: `host ${one.host}, process ${one.pid}` }, one.worker_id),
    h("span", { class: `state ${one.silent ? "silent" : "live"}` }, one.silent ? "silent" : "here"),
    `${one.busy} of ${one.seats}`, ago(one.seen_at), duration((Date.now() - Date.parse(one.started_at)) / 1000),
    one.version, one.job_types.join(", "),
  ];
}

function isPaused(one, pauses) {
  return pauses.some((pause) => pause.job_type === null || pause.job_type === one.job_type);
}

function queue(one, paused) {
  const counts = ["ready", "waiting", "processing", "completed", "failed", "cancelled"].map((name) => number.format(one[name]));
  const type = [one.job_type, paused && " ", paused && h("span", { class: "state waiting" }, "paused")].filter(Boolean);
  return [h("span", {}, ...type), ...counts, one.oldest_ready_s === null ? "–" : duration(one.oldest_ready_s)];
}
