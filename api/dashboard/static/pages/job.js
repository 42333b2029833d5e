// One job: what it is, how it went, what it drew; it follows what happens.

import { get, post, Refused, remove } from "../api.js";
import { missed } from "../away.js";
import { confirmed, fill, h, notify, renew, setText } from "../dom.js";
import { isLive, listen } from "../live.js";
import { stateOf, titleOf } from "../words.js";
import { facts, picture, request, runs, timeline, why } from "./job_parts.js";

const NET_MS = 3000; // how often to ask while no events come, and why a job still waits
const LIVE = ["queued", "processing"];
const FINAL = ["completed", "failed", "cancelled"];

// What is shown below the picture, and beside it; each is (job, failed runs, why, who looks) => nodes. A new part is a name here.
const BELOW = [timeline, runs, request];
const BESIDE = [why, facts];

export function job(main, user, id) {
  const at = user.operator ? `/operations/job/${id}` : `/job/${id}`; // an operator sees any user's
  const title = h("h1", { class: "long", dir: "auto" }, "Job");
  const state = h("p", { role: "status" });
  const buttons = h("div", { class: "buttons" });
  const drawn = h("div", {});
  const below = h("div", {});
  const beside = h("div", {});
  main.append(h("p", { class: "back" }, h("a", { href: "#/jobs" }, "All jobs")), title, h("div", { class: "bar" }, state, buttons),
    h("div", { class: "two" }, drawn, beside, below));
  let known = null;
  let over = false;
  let asking = null;

  async function load() {
    try {
      const [{ job: found }, { runs: failed }] = await Promise.all([get(user.operator ? at : `${at}/status`), get(`${at}/runs`)]);
      const reasons = found.status === "queued" ? await get(`${at}/why`) : null;
      if (!over) show(found, failed, reasons);
    } catch (error) {
      if (over) return;
      if (error instanceof Refused && error.status === 404) gone();
      else missed(error);
    }
  }

  /** One look at a time; what comes meanwhile asks for one more. */
  async function again() {
    if (asking) { asking = "again"; return; }
    asking = "now";
    await load();
    const more = asking === "again";
    asking = null;
    if (more && !over) await again();
  }

  function show(found, failed, reasons) {
    const changed = known === null || known.version !== found.version || known.status !== found.status;
    setText(title, titleOf(found));
    document.title = `${titleOf(found).slice(0, 60)} · Yardmaster`;
    stands(found);
    picture(drawn, found, changed, at);
    if (changed) {
      controls(found);
      fill(below, BELOW.flatMap((part) => part(found, failed, reasons, user)));
    }
    renew(beside, BESIDE.flatMap((part) => part(found, failed, reasons, user)));
    known = found;
  }

  /** What the event itself tells is shown without asking for more: while a canvas is drawn there are many. */
  function grow(event) {
    known = { ...known, version: event.version, progress: event.progress, progress_message: event.message };
    picture(drawn, known, true, at);
    age();
  }

  function age() {
    renew(beside, BESIDE.flatMap((part) => part(known, [], null, user)));
  }

  function tick() {
    if (document.hidden || FINAL.includes(known?.status)) return;
    if (unheard()) again();
    else age(); // it runs, and no event says that time goes by
  }

  /** Is read out when it changes: the same words are not put there anew. */
  function stands(found) {
    const now = [stateOf(found), position(found)].join(" ");
    if (state.textContent !== now) fill(state, h("span", { class: `state ${stateOf(found)}` }, stateOf(found)), " ", position(found));
  }

  function gone() {
    clearInterval(net);
    setText(title, "Not found");
    document.title = "Not found · Yardmaster";
    for (const part of [state, buttons, drawn, beside]) fill(part);
    fill(below, h("p", {}, user.operator ? "There is no such job." : "There is no such job, or it is another user's."));
  }

  function controls(found) {
    const focused = buttons.contains(document.activeElement);
    fill(buttons,
      LIVE.includes(found.status) && h("button", { type: "button", class: "small secondary outline", onclick: () => act(() => post(`${at}/cancel`)) }, "Cancel"),
      ["failed", "cancelled"].includes(found.status) && h("button", { type: "button", class: "small", onclick: () => act(() => post(`${at}/retry`)) }, "Retry"),
      FINAL.includes(found.status) && !isTheirs(found) && h("button", { type: "button", class: "small outline danger", onclick: erase }, "Delete"));
    if (focused) buttons.querySelector("button")?.focus();
  }

  async function act(what) {
    try {
      notify((await what()).message);
    } catch (error) {
      notify(error.message, true);
    }
    again();
  }

  async function erase() {
    if (!await confirmed("Delete this job with its request and its result? This cannot be taken back.", "Delete")) return;
    try {
      await remove(`/job/${id}`);
      notify("Job deleted");
      location.hash = "#/jobs";
    } catch (error) {
      notify(error.message, true);
    }
  }

  const deaf = listen((event, name) => {
    if (event.job_id !== id) return;
    if (known && event.version <= known.version && event.progress === known.progress) return;
    if (name === "ai_job_update" && event.status === "processing" && known?.status === "processing") grow(event);
    else again();
  });
  const isTheirs = (found) => found.user_id !== user.user_id; // events tell of one's own alone
  const unheard = () => !isLive() || known === null || known.status === "queued" || isTheirs(known);
  const net = setInterval(tick, NET_MS);
  again();
  return () => { over = true; deaf(); clearInterval(net); };
}

function position(found) {
  if (found.more) return "More than 1,000 ready jobs are before this one.";
  if (found.queue_position === null) return "";
  const before = ["No ready job is", "1 ready job is"][found.queue_position] ?? `${found.queue_position} ready jobs are`;
  return `${before} before this one.`;
}
