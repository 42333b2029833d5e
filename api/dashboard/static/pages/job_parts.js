// The parts of a job's page.

import { BASE } from "../api.js";
import { fill, h, setText, table } from "../dom.js";
import { between, duration, moment } from "../words.js";

/** The canvas as a picture once it is there, before that how far it is; `at` is the route of the job. */
export function picture(place, job, changed, at) {
  if (job.status === "completed" && job.job_type === "create_canvas") {
    if (changed) fill(place, canvas(job, at));
  } else if (job.status === "completed") {
    if (changed) fill(place, h("h2", {}, "Result"), h("pre", { tabindex: "0" }, JSON.stringify(job.result_data, null, 2)));
  } else if (job.status === "processing" || job.status === "queued") {
    waiting(place, job);
    if (job.status === "processing" && job.job_type === "create_canvas") draw(place.querySelector(".canvas"), job, at);
  } else if (changed) {
    fill(place, h("p", { class: job.status === "cancelled" ? "banner calm" : "banner" }, job.error_message ?? `The job is ${job.status}`));
  }
}

function canvas(job, at) {
  const source = `${BASE}${at}/result.svg?version=${job.version}`;
  const about = job.request_data?.instructions ?? job.id;
  return h("figure", { class: "canvas" }, h("a", { href: source, target: "_blank", rel: "noopener", title: "Open the picture alone" },
    h("img", { src: source, alt: `The canvas: ${about}` })));
}

function rests(job) {
  if (job.status === "processing") return "Running";
  return job.next_processing_at ? `Waiting until ${moment(job.next_processing_at)}` : "Waiting for its turn";
}

function waiting(place, job) {
  const words = job.progress_message ?? rests(job);
  const shown = place.querySelector(".waiting-box");
  if (shown) {
    setText(shown.querySelector("p"), words);
    shown.querySelector("progress").value = job.progress;
    return;
  }
  fill(place, h("div", { class: "waiting-box" }, h("p", {}, words),
    h("progress", { max: "100", value: job.progress, "aria-label": "Progress" })), h("figure", { class: "canvas growing" }));
}

/** The canvas as far as it is drawn; one look at a time, each in the place of the last once it is there, so nothing flickers. */
async function draw(figure, job, at) {
  figure.version = job.version;
  if (figure.busy) return;
  figure.busy = true;
  for (let shown = null; shown !== figure.version && figure.isConnected;) {
    shown = figure.version;
    const image = h("img", { src: `${BASE}${at}/drawing.svg?version=${shown}`, alt: "The canvas as far as it is drawn" });
    await image.decode().then(() => fill(figure, image), () => {}); // one that did not come is made up for by the next
  }
  figure.busy = false;
}

export function facts(job, _failed, _reasons, user) {
  const ran = between(job.started_at, job.completed_at ?? (job.status === "processing" ? new Date().toISOString() : null));
  const rows = [
    job.user_id !== user.user_id && ["User", job.user_id], ["Type", job.job_type], ["Priority", String(job.priority)], ["Failed runs", `${job.retry_count} of ${job.max_retries}`],
    ["Waited", duration(job.retry_count ? null : between(job.created_at, job.started_at))], ["Ran", duration(ran)],
    job.canvas_id && ["Canvas", job.canvas_id], job.error_code && ["Error", job.error_code],
    ...Object.entries(job.usage ?? {}).map(([name, value]) => [name.replaceAll("_", " "), String(value)]),
    ["Id", h("span", { class: "mono" }, job.id)],
  ];
  return [h("h2", {}, "Details"), h("dl", { class: "facts" }, rows.filter(Boolean).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]))];
}

/** `reasons` is what GET /job/<id>/why tells; null: the job does not wait. */
export function why(_job, _failed, reasons) {
  if (!reasons?.causes.length) return [];
  const start = reasons.expected_start;
  const words = start && `May start ${start.likely ? `about ${moment(start.likely)}` : `at ${moment(start.low)} or later`}${start.high ? `, by ${moment(start.high)} at the latest` : ""}.`;
  return [h("h2", {}, "Why it does not run"), h("ul", { class: "causes" }, reasons.causes.map((cause) => h("li", {}, cause.message))),
    words && h("p", { class: "quiet" }, words)];
}

export function timeline(job, runs) {
  const started = new Set(runs.map((run) => run.started_at));
  const steps = [[job.created_at, "Made", ""]];
  for (const run of runs) {
    if (run.started_at) steps.push([run.started_at, `Run ${run.run} started`, ""]);
    steps.push([run.ended_at, `Run ${run.run} ended: ${run.error_code ?? "failed"}`, "bad"]);
  }
  if (job.started_at && !started.has(job.started_at)) steps.push([job.started_at, "Run started", ""]);
  if (job.next_processing_at) steps.push([job.next_processing_at, "May run again", "next"]);
  if (job.completed_at) steps.push([job.completed_at, `The job ${job.status === "completed" ? "is completed" : job.status === "failed" ? "has failed" : "was cancelled"}`, job.status === "completed" ? "" : "bad"]);
  steps.sort(([a], [b]) => Date.parse(a) - Date.parse(b));
  return [h("h2", {}, "Timeline"), h("ol", { class: "timeline" }, steps.map(([at, words, kind]) =>
    h("li", { class: kind }, words, h("time", { datetime: at }, moment(at)))))];
}

export function runs(_job, failed) {
  if (!failed.length) return [];
  const where = failed.some((run) => "worker" in run); // operators alone are told
  const columns = [{ title: "Run" }, ...(where ? [{ title: "Worker", class: "less" }] : []), { title: "Ended", class: "less" }, { title: "Took", class: "number" }, { title: "Error" }];
  const rows = failed.map((run) => [String(run.run), ...(where ? [h("span", { class: "mono" }, run.worker ?? "–")] : []), moment(run.ended_at), duration(between(run.started_at, run.ended_at)),
    [h("span", { class: "mono" }, run.error_code ?? "–"), h("div", {}, run.error ?? "")]]);
  return [h("h2", {}, "Failed runs"), table("Failed runs", columns, rows)];
}

export function request(job) {
  return [h("details", {}, h("summary", {}, "Request"), h("pre", { tabindex: "0" }, JSON.stringify(job.request_data, null, 2)))];
}
