// The configuration in force, section by section; for operators.

import { get, health } from "../api.js";
import { fill, h, table } from "../dom.js";
import { moment } from "../words.js";

const COLUMNS = [{ title: "Setting" }, { title: "Value" }];

export function config(main) {
  const place = h("div", { class: "settings" });
  main.append(h("h1", {}, "Configuration in force"),
    h("p", {}, h("small", {}, "In the process that answers. config.yaml says what each setting is for; secrets are not shown.")), place);
  Promise.all([get("/config"), health()]).then(
    ([{ config: found }, { config: taken }]) => fill(place, ...state(taken), Object.entries(found).flatMap(section)),
    (error) => fill(place, h("p", { class: "banner" }, error.message)));
}

/** Since when it is in force, and why a newer file is not. */
function state({ generation, taken_at: takenAt, fault }) {
  return [fault && h("p", { class: "banner", role: "alert" }, `A newer config.yaml was refused: ${fault}`),
    h("p", {}, `Generation ${generation}, in force since ${moment(takenAt)}.`)];
}

function section([name, settings]) {
  const rows = flat(name, settings).map(([path, value]) => [h("span", { class: "mono" }, path), h("span", { class: "mono" }, JSON.stringify(value))]);
  return [h("h2", {}, name), table(`Settings of ${name}`, COLUMNS, rows)];
}

/** {a: {b: 1}} as [["a.b", 1]]. */
function flat(path, value) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return [[path, value]];
  return Object.entries(value).flatMap(([name, inner]) => flat(`${path}.${name}`, inner));
}
