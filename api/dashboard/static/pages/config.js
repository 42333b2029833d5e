// The configuration in force, section by section; for operators.

import { get } from "../api.js";
import { fill, h, table } from "../dom.js";

const COLUMNS = [{ title: "Setting" }, { title: "Value" }];

export function config(main) {
  const place = h("div", { class: "settings" });
  main.append(h("h1", {}, "Configuration in force"),
    h("p", {}, h("small", {}, "In the process that answers. config.yaml says what each setting is for; secrets are not shown.")), place);
  get("/config").then(({ config: found }) => fill(place, Object.entries(found).flatMap(section)),
    (error) => fill(place, h("p", { class: "banner" }, error.message)));
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
