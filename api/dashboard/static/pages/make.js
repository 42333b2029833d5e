// Enqueue a canvas.

import { post } from "../api.js";
import { h, notify, setText } from "../dom.js";

const STYLES = ["modern", "corporate", "creative", "minimal"];
const COLOURS = ["default", "pastel", "vibrant", "monochrome"];

export function make(main, user) {
  const highest = user.operator ? 9 : 3;
  const faults = {};
  const button = h("button", { type: "submit" }, "Draw it");
  const inputs = {
    instructions: h("textarea", { rows: "4", dir: "auto", required: true, maxlength: "1000", placeholder: "login flowchart: enter password, check, locked after 3 tries" }),
    style: choice(STYLES),
    colorScheme: choice(COLOURS),
    priority: h("input", { type: "number", min: "-9", max: highest, step: "1", value: "0" }),
    delay_s: h("input", { type: "number", min: "0", max: "2592000", step: "1", value: "0" }),
  };
  const labelled = (name, label) => {
    inputs[name].id = name;
    inputs[name].setAttribute("aria-describedby", `${name}-fault`);
    faults[name] = h("small", { class: "fault", id: `${name}-fault` });
    return h("div", {}, h("label", { for: name }, label), inputs[name], faults[name]);
  };
  let key = newKey(); // the same until it has worked: a request that is sent again makes no second job
  main.append(h("h1", {}, "New canvas"), h("form", { class: "narrow", onsubmit: send, novalidate: true },
    labelled("instructions", "What to draw"),
    h("div", { class: "fields few" }, labelled("style", "Style"), labelled("colorScheme", "Colours"),
      labelled("priority", `Priority (-9 to ${highest})`), labelled("delay_s", "Not before, in seconds")),
    button));

  async function send(event) {
    event.preventDefault();
    clear();
    button.setAttribute("aria-busy", "true");
    const body = {
      instructions: inputs.instructions.value, style: inputs.style.value, colorScheme: inputs.colorScheme.value,
      priority: Number(inputs.priority.value), delay_s: Number(inputs.delay_s.value) || null,
    };
    try {
      const made = await post("/create-canvas", body, { "Idempotency-Key": key });
      notify("The job is in the queue");
      location.hash = `#/jobs/${made.job_id}`;
    } catch (error) {
      if (error.status) key = newKey(); // it was refused; without an answer nobody knows
      show(error);
    } finally {
      button.removeAttribute("aria-busy");
    }
  }

  function clear() {
    for (const [name, fault] of Object.entries(faults)) {
      setText(fault, "");
      inputs[name].removeAttribute("aria-invalid");
    }
  }

  function show(error) {
    const known = error.details?.filter(({ field }) => field in inputs) ?? [];
    for (const { field, message } of known) {
      setText(faults[field], message);
      inputs[field].setAttribute("aria-invalid", "true");
    }
    if (known.length) inputs[known[0].field].focus();
    else notify(error.message, true);
  }
}

function choice(values) {
  return h("select", {}, values.map((value) => h("option", { value }, value)));
}

/** crypto.randomUUID() is there only over https and on this host. */
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
