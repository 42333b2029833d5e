// Queue failed jobs of all users again: counted first, then confirmed.

import { post } from "../api.js";
import { confirmed, fill, h, notify, table } from "../dom.js";
import { offer, saying, zoned } from "../forms.js";
import { typesOf } from "../pauses.js";
import * as samples from "../samples.js";
import { number } from "../words.js";

const COLUMNS = [{ title: "Error" }, { title: "Jobs", class: "number" }, { title: "The oldest" }];

export function redriving() {
  const type = h("select", { id: "redrive-type" }, h("option", { value: "" }, "any"));
  const code = h("input", { id: "redrive-code", type: "text", maxlength: "100", spellcheck: "false", autocapitalize: "none", placeholder: "any" });
  const since = h("input", { id: "redrive-since", type: "datetime-local", step: "1" });
  const limit = h("input", { id: "redrive-limit", type: "number", min: "1", max: "10000", step: "1", value: "1000", required: true });
  const button = h("button", { type: "submit" }, "Count them");
  const found = h("div", { role: "status" });
  const form = h("form", { class: "narrow", onsubmit: count, oninput: forget, "aria-label": "Redrive" },
    h("div", { class: "fields few" },
      h("div", {}, h("label", { for: "redrive-type" }, "Job type"), type),
      h("div", {}, h("label", { for: "redrive-code" }, "Error code"), code),
      h("div", {}, h("label", { for: "redrive-since" }, "Failed since"), since),
      h("div", {}, h("label", { for: "redrive-limit" }, "At most"), limit)), button);
  const section = h("section", {}, h("h2", {}, "Queue failed jobs again"), form, found);

  let asked = 0;

  /** What is confirmed is what was counted: another filter must be counted anew. */
  function forget() {
    asked += 1;
    fill(found);
  }

  async function count(event) {
    event.preventDefault();
    const filter = { job_type: type.value || null, error_code: code.value.trim() || null, since: zoned(since.value), limit: Number(limit.value) };
    const mine = ++asked;
    await saying(button, async () => {
      const told = await post("/operations/redrive", { ...filter, dry_run: true });
      if (mine === asked) show(filter, told);
    });
  }

  function show(filter, told) {
    if (!told.count) return fill(found, h("p", {}, "No failed job fits."));
    const words = `Queue ${number.format(told.count)} ${told.count === 1 ? "job" : "jobs"} again`;
    const again = h("button", { type: "button", onclick: () => redrive(filter, words, again) }, words);
    fill(found, table("Failed jobs by error", COLUMNS, told.by_error_code.map(row)), again);
  }

  async function redrive(filter, words, again) {
    if (!await confirmed(`${words}? Each begins anew, as by its user's retry.`, words, "Go back")) return;
    await saying(again, async () => {
      const { count: queued } = await post("/operations/redrive", filter);
      fill(found, h("p", {}, `${number.format(queued)} ${queued === 1 ? "job is" : "jobs are"} queued again.`));
      notify("Queued again");
      button.focus(); // the other one is gone
    });
    samples.look();
  }

  return { section, know: (fleet) => offer(type, [["", "any"], ...typesOf(fleet).map((one) => [one, one])]) };
}

function row({ error_code: code, count, sample }) {
  const links = sample.map((id, at) => [at ? ", " : "", h("a", { href: `#/jobs/${id}`, class: "mono" }, `…${id.slice(-12)}`)]);
  return [h("span", { class: "mono" }, code ?? "–"), number.format(count), h("span", {}, ...links.flat())];
}
