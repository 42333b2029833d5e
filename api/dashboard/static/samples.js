// The history that the charts show: looked up every few seconds while the page is open, kept in the page alone.

import { get, health } from "./api.js";
import { between } from "./words.js";

const EVERY_MS = 5000;
const KEPT = 720; // an hour
const RECENT_S = 300;
const watchers = new Set();
let history = [];
let totals = null; // those of the sample before
let timer = null;
let looking = null; // the timer of the look that is under way
let again = false; // somebody has asked for another one meanwhile
let operator = false;

/** A sample: {at, ready, waiting, running, wait: {p50, p95} | null, run, perMinute, failedPerMinute, counts, problem};
 * an operator's has {fleet, pauses}, too. */
export function watch(told) {
  watchers.add(told);
  if (history.length) told(history);
  return () => watchers.delete(told);
}

export function start(isOperator) {
  stop();
  operator = isOperator;
  timer = setInterval(look, EVERY_MS);
  document.addEventListener("visibilitychange", look);
  look();
}

export function stop() {
  clearInterval(timer);
  document.removeEventListener("visibilitychange", look);
  timer = null;
  history = [];
  totals = null;
}

/** Looks now; nobody sees a hidden page. */
export async function look() {
  if (document.hidden || timer === null) return;
  again = looking === timer;
  if (again) return;
  const mine = looking = timer;
  try {
    const state = await health();
    const sample = operator ? await fleetSample() : await ownSample();
    if (timer !== mine) return;
    history = [...history.slice(1 - KEPT), { at: Date.now() / 1000, health: state, ...sample }];
  } catch (error) {
    if (timer !== mine) return;
    history = [...history.slice(1 - KEPT), { at: Date.now() / 1000, problem: error.message }];
  } finally {
    if (looking === mine) looking = null;
    if (again) setTimeout(look);
  }
  for (const told of watchers) told(history);
}

async function fleetSample() {
  const [fleet, { stats }, { pauses }] = await Promise.all([get("/fleet"), get("/jobs/stats"), get("/operations/pauses")]);
  const sum = (name) => fleet.queues.reduce((total, queue) => total + queue[name], 0);
  const { ended, failed, reach_s: reach, wait_s: wait, run_s: run } = fleet.lately;
  const minutes = Math.max(reach, ended < 1000 ? 60 : 0) / 60; // fewer than it may count: it has seen the whole minute
  const oldest = Math.max(0, ...fleet.queues.map((queue) => queue.oldest_ready_s ?? 0));
  return {
    fleet, stats, pauses, oldest, wait, run, ready: sum("ready"), waiting: sum("waiting"), running: sum("processing"),
    perMinute: minutes ? ended / minutes : 0, failedPerMinute: minutes ? failed / minutes : 0,
  };
}

/** A user's own: throughput from what has ended since the sample before, wait and run time from the newest jobs. */
async function ownSample() {
  const [{ stats }, { jobs }] = await Promise.all([get("/jobs/stats"), get("/jobs?limit=50")]);
  const now = Date.now() / 1000;
  const ended = stats.completed_jobs + stats.failed_jobs + stats.cancelled_jobs;
  const before = totals;
  totals = { at: now, ended, failed: stats.failed_jobs };
  const perMinute = (name) => before && Math.max(0, totals[name] - before[name]) * 60 / (now - before.at);
  const done = jobs.filter((job) => job.status === "completed" && now - Date.parse(job.completed_at) / 1000 < RECENT_S);
  const first = done.filter((job) => job.retry_count === 0); // a later run's start tells of the retries, too
  return {
    stats, ready: stats.queued_jobs, waiting: null, running: stats.processing_jobs,
    wait: spread(first.map((job) => between(job.created_at, job.started_at))),
    run: spread(done.map((job) => between(job.started_at, job.completed_at))),
    perMinute: perMinute("ended"), failedPerMinute: perMinute("failed"),
  };
}

function spread(values) {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  if (!sorted.length) return null;
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return { p50: at(0.5), p95: at(0.95) };
}
