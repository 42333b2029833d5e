// Pause and resume a job type, or everything.

import { post } from "../api.js";
import { missed } from "../away.js";
import { confirmed, fill, h, notify, table } from "../dom.js";
import { offer, saying, zoned } from "../forms.js";
import { inForce, typesOf, untilOf, whatOf } from "../pauses.js";
import * as samples from "../samples.js";
import { ago, moment } from "../words.js";

const COLUMNS = [
  { title: "Paused" }, { title: "Until" }, { title: "Since", class: "less" }, { title: "By", class: "less" },
  { title: "Reason", class: "less" }, { title: "Resume" },
];
const ALL = "*"; // in the list of types; null in the API
const ENDS = [["", "somebody resumes it"], ["900", "15 minutes have gone"], ["3600", "1 hour has gone"], ["14400", "4 hours have gone"], ["86400", "a day has gone"], ["at", "a time …"]];

export function pausing() {
  const list = h("div", {});
  const what = h("select", { id: "pause-type", required: true });
  const end = h("select", { id: "pause-end", onchange: () => { at.hidden = end.value !== "at"; } },
    ENDS.map(([value, words]) => h("option", { value }, words)));
  const time = h("input", { id: "pause-time", type: "datetime-local", step: "1" });
  const at = h("div", { hidden: true }, h("label", { for: "pause-time" }, "Time"), time);
  const reason = h("input", { id: "pause-reason", type: "text", maxlength: "500", "aria-describedby": "pause-reason-hint" });
  const button = h("button", { type: "submit" }, "Pause");
  const section = h("section", {}, h("h2", {}, "Paused"), list,
    h("form", { class: "narrow", onsubmit: begin, "aria-label": "Pause" },
      h("div", { class: "fields" },
        h("div", {}, h("label", { for: "pause-type" }, "Pause jobs of type"), what),
        h("div", {}, h("label", { for: "pause-end" }, "Until"), end), at),
      h("label", { for: "pause-reason" }, "Reason"), reason,
      h("small", { id: "pause-reason-hint" }, "For other operators. What runs goes on, and new jobs are taken; none begins."), button));

  async function begin(event) {
    event.preventDefault();
    const type = what.value === ALL ? null : what.value;
    if (type === null && !await confirmed("Pause all jobs of all users? What runs goes on; nothing else begins until you resume.", "Pause all jobs", "Go back")) return;
    const body = { job_type: type, reason: reason.value.trim() || null };
    if (end.value === "at") body.resume_at = zoned(time.value);
    else if (end.value) body.for_s = Number(end.value);
    if (end.value === "at" && !body.resume_at) { time.focus(); return; }
    await saying(button, async () => {
      show((await post("/operations/pause", body)).pauses);
      notify(`Paused: ${whatOf(body)}`);
      reason.value = "";
    });
    samples.look();
  }

  async function resume(pause, button) {
    await saying(button, async () => {
      show((await post("/operations/resume", { job_type: pause.job_type })).pauses);
      notify(`Resumed: ${whatOf(pause)}`);
      what.focus(); // the button is gone
    });
    samples.look();
  }

  function show(pauses) {
    fill(list, pauses.length ? table("Paused", COLUMNS, pauses.map((one) => row(one, resume))) : h("p", {}, "Nothing is paused."));
  }

  inForce().then(show, missed);
  const stop = samples.watch((history) => {
    const { pauses } = history.at(-1);
    if (pauses && !list.contains(document.activeElement)) show(pauses); // whoever is at a button keeps it
  });
  return { section, end: stop, know: (fleet) => offer(what, [["", "choose …"], ...typesOf(fleet).map((type) => [type, type]), [ALL, "all jobs"]]) };
}

function row(pause, resume) {
  const button = h("button", { type: "button", class: "small", "aria-label": `Resume ${whatOf(pause)}`, onclick: () => resume(pause, button) }, "Resume");
  const since = h("time", { datetime: pause.paused_at, title: moment(pause.paused_at) }, ago(pause.paused_at));
  return [whatOf(pause), untilOf(pause), since, pause.paused_by, pause.reason ?? "–", button];
}
