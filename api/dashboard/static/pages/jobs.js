// The user's jobs, newest first; rows follow what happens. Operators may look at those of all users.

import { get } from "../api.js";
import { missed } from "../away.js";
import { fill, h, setText, table } from "../dom.js";
import { isLive, listen } from "../live.js";
import { ago, between, duration, moment, stateOf, titleOf } from "../words.js";

const STATES = ["queued", "processing", "completed", "failed", "cancelled"];
const PAGE = 25;
const NET_MS = 5000; // how often to ask while no events come
const GATHER_MS = 250;
const AGE_MS = 10000;
const COLUMNS = [
  { title: "Job" }, { title: "Status" }, { title: "Type", class: "less" }, { title: "Made", class: "number less" },
  { title: "Ran", class: "number less" },
];
const THEIRS = [...COLUMNS.slice(0, 2), { title: "User", class: "who" }, ...COLUMNS.slice(2)];
const kept = { whose: "all", user: "" }; // what an operator has chosen, for when the page is opened again

export function jobs(main, user) {
  const whose = h("select", { id: "whose", onchange: () => choose() }, h("option", { value: "all" }, "all users"), h("option", { value: "mine" }, "mine"));
  const theirs = h("input", { id: "of-user", type: "text", maxlength: "200", spellcheck: "false", autocapitalize: "none", value: kept.user, placeholder: "any", onchange: () => choose() });
  const ofUser = h("div", {}, h("label", { for: "of-user" }, "User"), theirs);
  const chosen = h("select", { id: "status", onchange: () => load() },
    h("option", { value: "" }, "all"), STATES.map((state) => h("option", { value: state }, state)));
  const list = h("div", { id: "list" });
  const more = h("button", { type: "button", class: "secondary outline", hidden: true, onclick: () => older() }, "Show older jobs");
  const count = h("p", { class: "quiet", role: "status" });
  const title = h("h1", {}, "");
  main.append(title,
    h("div", { class: "bar" }, user.operator && h("div", {}, h("label", { for: "whose" }, "Whose"), whose), user.operator && ofUser,
      h("div", {}, h("label", { for: "status" }, "Status"), chosen),
      h("a", { href: "#/new" }, "New canvas")),
    count, list, more);
  let shown = [];
  let cursor = null;
  let asked = 0;
  let pending = null;

  const ofAll = () => user.operator && kept.whose === "all";

  function choose() {
    [kept.whose, kept.user] = [whose.value, theirs.value.trim()];
    ofUser.hidden = !ofAll();
    setText(title, ofAll() ? "Jobs of all users" : "Your jobs");
    load();
  }

  function address(cursor) {
    const asked = new URLSearchParams({ limit: PAGE });
    if (chosen.value) asked.set("status", chosen.value);
    if (ofAll() && kept.user) asked.set("user", kept.user);
    if (cursor !== null) asked.set("cursor", cursor);
    return `${ofAll() ? "/operations" : ""}/jobs?${asked}`;
  }

  async function load(pages = 1) {
    const mine = ++asked;
    const found = [];
    let next = null;
    try {
      for (let page = 0; page < pages && (page === 0 || next !== null); page += 1) {
        const answer = await get(address(next));
        found.push(...answer.jobs);
        next = answer.next_cursor;
      }
    } catch (error) {
      return missed(error);
    }
    if (mine !== asked) return; // somebody has asked for something else since
    [shown, cursor] = [found, next];
    draw();
  }

  function older() {
    return load(Math.ceil(shown.length / PAGE) + 1);
  }

  function again() {
    const pages = Math.max(1, Math.ceil(shown.length / PAGE)); // each is a request: the more are shown, the longer it waits
    pending ??= setTimeout(() => { pending = null; load(pages); }, GATHER_MS * pages);
  }

  function draw() {
    const focused = list.contains(document.activeElement) ? document.activeElement : null;
    more.hidden = cursor === null;
    setText(count, shown.length ? `${shown.length} ${shown.length === 1 ? "job" : "jobs"}${cursor === null ? "" : ", and older ones"}` : "");
    fill(list, shown.length ? ofAll() ? table("Jobs", THEIRS, shown.map(theirRow)) : table("Jobs", COLUMNS, shown.map(row)) : h("p", {}, none()));
    if (focused) stands(focused.getAttribute("href")).focus();
  }

  function stands(href) { // where the keyboard goes on: at the same job, or at the table if that is gone
    const same = [...list.querySelectorAll("a")].find((link) => link.getAttribute("href") === href);
    return same ?? list.querySelector("[tabindex]") ?? chosen;
  }

  function none() {
    if (ofAll() && kept.user) return "No such job is this user's.";
    return chosen.value ? `No job is ${chosen.value}.` : "There are no jobs yet.";
  }

  const deaf = listen((event) => {
    const known = shown.find((job) => job.id === event.job_id);
    if (known && known.version >= event.version && known.status === event.status) return;
    again();
  });
  const net = setInterval(() => { if ((ofAll() || !isLive()) && !document.hidden) again(); }, NET_MS); // events tell of one's own alone
  const ageing = setInterval(() => { for (const time of list.querySelectorAll("time")) setText(time, ago(time.dateTime)); }, AGE_MS);
  whose.value = kept.whose;
  choose();
  return () => { deaf(); clearInterval(net); clearInterval(ageing); clearTimeout(pending); asked += 1; };
}

function row(job) {
  const state = stateOf(job);
  const told = job.status === "processing" ? `${state} ${job.progress} %` : state;
  return [
    h("a", { href: `#/jobs/${job.id}`, class: "title", dir: "auto" }, titleOf(job)),
    h("span", { class: `state ${state}` }, told),
    job.job_type,
    h("time", { datetime: job.created_at, title: moment(job.created_at) }, ago(job.created_at)),
    duration(between(job.started_at, job.completed_at)),
  ];
}

function theirRow(job) {
  const [title, state, ...rest] = row(job);
  return [title, state, h("span", { class: "title", title: job.user_id }, job.user_id), ...rest];
}
