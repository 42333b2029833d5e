// How things are, and how they have been while this page was open.

import { chart } from "../charts.js";
import { h, setText, warn } from "../dom.js";
import * as samples from "../samples.js";
import { duration, number } from "../words.js";

const whole = (value) => number.format(Math.round(value));
const rate = (value) => (value >= 10 || value === 0 ? whole(value) : value.toFixed(1));

const CHARTS = [
  ["Queue", [
    { label: "ready", value: (s) => s.ready, show: whole },
    { label: "running", value: (s) => s.running, show: whole },
    { label: "waiting", value: (s) => s.waiting, show: whole, operators: true },
  ], { whole: true }],
  ["Wait until started, s", [
    { label: "half within", value: (s) => s.wait?.p50, show: duration },
    { label: "95 % within", value: (s) => s.wait?.p95, show: duration },
  ]],
  ["Run time, s", [
    { label: "half within", value: (s) => s.run?.p50, show: duration },
    { label: "95 % within", value: (s) => s.run?.p95, show: duration },
  ]],
  ["Jobs ended per minute", [
    { label: "all", value: (s) => s.perMinute, show: rate },
    { label: "failed", value: (s) => s.failedPerMinute, show: rate },
  ]],
];

const TILES = [
  ["Queued", (s) => s.stats && whole(s.stats.queued_jobs)],
  ["Running", (s) => s.stats && whole(s.stats.processing_jobs)],
  ["Completed", (s) => s.stats && whole(s.stats.completed_jobs)],
  ["Failed", (s) => s.stats && whole(s.stats.failed_jobs)],
  ["Success", (s) => s.stats && (s.stats.completed_jobs + s.stats.failed_jobs ? `${(s.stats.success_rate * 100).toFixed(1)} %` : "–")],
  ["Oldest ready", (s) => s.oldest !== undefined && duration(s.oldest), true],
  ["Workers", (s) => s.fleet && whole(s.fleet.workers.filter((worker) => !worker.silent).length), true],
];

export function overview(main, user) {
  const ours = (one) => user.operator || !one.operators;
  const tiles = TILES.filter(([, , operators]) => user.operator || !operators).map(([title, value]) => ({ value, dd: h("dd", {}, "–"), title }));
  const charts = CHARTS.map(([title, series, how]) => chart(title, series.filter(ours), how));
  const banner = h("p", { class: "banner", role: "alert", hidden: true });
  main.append(
    h("h1", {}, user.operator ? "Jobs of all users" : "Your jobs"), banner,
    h("dl", { class: "tiles" }, tiles.map((tile) => h("div", { class: "tile" }, h("dt", {}, tile.title), tile.dd))),
    h("section", { "aria-label": "Charts" }, h("div", { class: "charts" }, charts.map((one) => one.figure)),
      h("p", {}, h("small", {}, "Wait and run time are those of jobs that have completed lately. The charts begin when the page is opened, and keep an hour."))),
  );
  const stop = samples.watch((history) => {
    const last = history.at(-1);
    warn(banner, last.health?.error ?? "");
    for (const tile of tiles) setText(tile.dd, tile.value(last) || "–");
    for (const one of charts) one.draw(history);
  });
  samples.look();
  return () => { stop(); for (const one of charts) one.end(); };
}
