import { Window } from "happy-dom";
import { createElement, type ReactElement, StrictMode, version } from "react";
import { createRoot, type Root } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { AIJobService, type JobUpdate } from "../src/index.js";
import { useAIJobUpdates } from "../src/react.js";
import { listening, polling, until, withYard } from "./kit.js";
import { canvas } from "./yard.js";

const yard = withYard();
let root: Root;
let shown: JobUpdate[];

beforeEach(() => {
  const window = new Window();
  Object.assign(globalThis, { window, document: window.document });
  root = createRoot(document.body.appendChild(document.createElement("main")));
  shown = [];
});
afterEach(() => root.unmount());

function Page({ service, jobId }: { service: AIJobService; jobId: string | null }): ReactElement {
  const update = useAIJobUpdates(service, jobId);
  shown.push(update);
  return createElement("p", null, `${update.status ?? "unknown"} ${update.progress}`);
}

const show = (service: AIJobService, jobId: string | null): void =>
  root.render(createElement(StrictMode, null, createElement(Page, { service, jobId })));
const shows = (text: string): Promise<void> => until(() => document.body.textContent === text, `page with ${text}`);

test("this is the React that is meant", () => {
  expect(version).toMatch(inject("react"));
});

test("a page shows how its job stands until it has ended", async () => {
  const ours = polling();
  yard().job("job-1");
  show(ours, "job-1");
  await shows("queued 0");
  yard().job("job-1", { status: "processing", progress: 40, progress_message: "Drawing" });
  await shows("processing 40");
  yard().complete("job-1");
  await shows("completed 100");
  expect(shown.at(-1)).toMatchObject({ message: "Drawn", error: null, result: canvas("a", "b") });
  expect(shown.at(-1)?.objects).toEqual(canvas("a", "b").objects);
});

test("in StrictMode there is one connection, and it ends with the page", async () => {
  yard().job("job-1");
  yard().snapshot = () => yard().tellOf("job-1");
  show(listening(), "job-1");
  await shows("queued 0");
  expect(yard().connections).toBe(1);
  expect(yard().asked("GET", "/status").length).toBeLessThanOrEqual(1);
  root.render(null);
  await until(() => yard().sockets.size === 0, "end of the connection");
  expect(yard().connections).toBe(1);
});

test("another job is shown from the start, never with what was known of the one before", async () => {
  const ours = polling();
  yard().job("job-1", { progress: 90 });
  yard().job("job-2", { progress: 10 });
  show(ours, null);
  await shows("unknown 0");
  show(ours, "job-1");
  await shows("queued 90");
  const before = shown.length;
  show(ours, "job-2");
  await shows("queued 10");
  expect(shown.slice(before).map(({ progress }) => progress)).not.toContain(90);
});

test("a job that cannot be followed is an error, not an exception", async () => {
  show(polling(), "nobody's");
  await until(() => shown.at(-1)?.error, "error");
  expect(shown.at(-1)?.error).toMatchObject({ code: "not_found", status: 404 });
});

test("on a server, where nothing is followed and no page says where ours is, it renders", () => {
  const page = createElement(Page, { service: new AIJobService({ getToken: () => "first" }), jobId: "job-1" });
  expect(renderToString(page)).toBe("<p>unknown 0</p>");
  expect(yard().seen).toEqual([]);
});
