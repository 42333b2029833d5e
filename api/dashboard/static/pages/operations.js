// What operators do to the whole fleet: let nothing begin, or begin again, and queue failed jobs again.

import { h } from "../dom.js";
import * as samples from "../samples.js";
import { pausing } from "./pausing.js";
import { redriving } from "./redriving.js";

// Each is {section, know(fleet), end()}. A new part is a name here.
const PARTS = [pausing, redriving];

export function operations(main) {
  const parts = PARTS.map((part) => part());
  main.append(h("h1", {}, "Operations"), ...parts.map((part) => part.section));
  const stop = samples.watch((history) => {
    const { fleet } = history.at(-1);
    if (fleet) for (const part of parts) part.know(fleet);
  });
  samples.look();
  return () => { stop(); for (const part of parts) part.end?.(); };
}
