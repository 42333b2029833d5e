// Lines over time, drawn by uPlot; what they show stands beside them as text.

import { h, setText } from "./dom.js";
import uPlot from "./vendor/uplot.js";

const HEIGHT = 170;
const WHOLE = [1, 2, 5].flatMap((step) => Array.from({ length: 8 }, (_, power) => step * 10 ** power)).sort((a, b) => a - b);
const SPAN_S = 300; // what a chart shows at least
const MINUTES = [1, 2, 5, 10, 15, 30, 60].map((minutes) => minutes * 60);
const DASHES = [undefined, [7, 4], [2, 3]]; // as the keys in style.css: a line is known by more than its colour

/** `series` are {label, value: sample => number | null, show: number => text}; returns {figure, draw(history), end()}.
 * `whole`: half a job makes no mark on the scale. */
export function chart(title, series, { whole = false } = {}) {
  const values = series.map(() => h("b", {}, "–"));
  const legend = h("span", { class: "legend" }, series.map((one, at) =>
    h("span", {}, h("span", { class: `key s${at + 1}` }), `${one.label} `, values[at])));
  const empty = h("p", { class: "empty" }, "Nothing yet");
  const plot = h("div", { class: "plot", "aria-hidden": "true" }, empty);
  const figure = h("figure", { class: "chart" }, h("figcaption", {}, h("strong", {}, title), legend), plot);
  let drawn = null;
  let shown = [];
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const again = () => { drawn?.destroy(); drawn = null; draw(shown); };
  const sized = new ResizeObserver(() => drawn?.setSize({ width: plot.clientWidth, height: HEIGHT }));

  function draw(history) {
    shown = history;
    const last = history.at(-1);
    series.forEach((one, at) => setText(values[at], text(one, last)));
    const data = [history.map((sample) => sample.at), ...series.map((one) => history.map((s) => one.value(s) ?? null))];
    empty.hidden = data.slice(1).some((line) => line.some((value) => value !== null));
    if (!plot.isConnected || !plot.clientWidth) return;
    if (drawn) drawn.setData(data);
    else drawn = new uPlot(options(plot.clientWidth, series, whole), data, plot);
  }

  dark.addEventListener("change", again);
  sized.observe(plot);
  return { figure, draw, end: () => { sized.disconnect(); dark.removeEventListener("change", again); drawn?.destroy(); } };
}

function text(one, sample) {
  const value = sample ? one.value(sample) : null;
  return value === null || value === undefined ? "–" : one.show(value);
}

function options(width, series, whole) {
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--grid"), width: 1 }, ticks: { show: false }, font: "11px system-ui" };
  const line = (_, at) => ({
    stroke: colour(`--series-${at + 1}`), width: 2, dash: DASHES[at], spanGaps: false,
    points: { show: (_plot, _series, from, to) => to - from < 2 },
  });
  return {
    width, height: HEIGHT, padding: [8, 18, 0, 0], legend: { show: false }, cursor: { show: false },
    scales: { x: { time: true, range: (_, from, to) => [Math.min(from, to - SPAN_S), to] }, y: { range: (_, low, high) => [0, nice(high)] } },
    axes: [{ ...axis, size: 26, space: 46, incrs: MINUTES, values: [[60, "{HH}:{mm}", null, null, null, null, null, null, 1]] },
      { ...axis, size: 44, space: 35, incrs: whole ? WHOLE : undefined }],
    series: [{}, ...series.map(line)],
  };
}

/** Room above the highest value, and a scale when all is 0. */
function nice(high) {
  return high > 0 ? high * 1.15 : 1;
}
