// Says on every page that the server does not answer, and how old what is shown is.

import { notify, setText } from "./dom.js";
import * as samples from "./samples.js";
import { moment } from "./words.js";

/** `box` holds an element for the words; it is hidden while the server answers. */
export function banner(box) {
  const words = box.querySelector("[role=alert]");
  const tell = (text) => {
    box.hidden = !text;
    setText(words, text); // the same for as long as it lasts, so that it is read out once
  };
  samples.watch((history) => {
    const { problem } = history.at(-1);
    const last = history.findLast((sample) => !sample.problem);
    tell(problem ? `${problem}. What is shown ${last ? `is of ${moment(last.at * 1000)}` : "may be old"}.` : "");
  });
  return () => tell("");
}

/** What has failed without anybody's asking for it: a server that is away is told by the banner alone. */
export function missed(error) {
  if (error.status === 0) samples.look();
  else notify(error.message, true);
}
