// The pages, in the order of the menu: each is {path, title, menu, operators, show}. A new page is a line here.
//
// `show(main, session, ...parts)` fills `main`, and returns how to end it (or nothing); parts are what (…) matched.

import { config } from "./pages/config.js";
import { fleet } from "./pages/fleet.js";
import { job } from "./pages/job.js";
import { jobs } from "./pages/jobs.js";
import { make } from "./pages/make.js";
import { operations } from "./pages/operations.js";
import { overview } from "./pages/overview.js";

export const PAGES = [
  { path: /^\/$/, title: "Overview", menu: "#/", show: overview },
  { path: /^\/jobs$/, title: "Jobs", menu: "#/jobs", show: jobs },
  { path: /^\/jobs\/([0-9a-f-]{36})$/, title: "Job", show: job },
  { path: /^\/new$/, title: "New canvas", menu: "#/new", show: make },
  { path: /^\/operations$/, title: "Operations", menu: "#/operations", operators: true, show: operations },
  { path: /^\/fleet$/, title: "Fleet", menu: "#/fleet", operators: true, show: fleet },
  { path: /^\/config$/, title: "Configuration", menu: "#/config", operators: true, show: config },
];
