// Builds elements. Text is only ever set as text: what jobs hold can never become markup.

/** h("a", {href: "#/", class: "x", onclick: f}, "text", otherNode): an element; null and false children are left out. */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Puts `children` in the place of what `parent` holds. */
export function fill(parent, ...children) {
  parent.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
}

/** The same, when the words differ: what somebody reads or has marked stays. */
export function renew(parent, ...children) {
  const fresh = h("div", {}, ...children);
  if (fresh.textContent !== parent.textContent) fill(parent, ...fresh.childNodes);
}

/** Sets the text when it differs, so that a screen reader is told of changes alone. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Puts `text` into an alert, or hides it for "". Whoever is read to hears it again when other words come, not when a number grows. */
export function warn(alert, text) {
  const said = alert.firstElementChild;
  if (said && worded(said.textContent) === worded(text)) setText(said, text);
  else fill(alert, text && h("span", { "aria-live": "off" }, text));
  alert.hidden = !text;
}

const worded = (text) => text.replace(/\d+/g, "");

/** Tells what has happened, at the bottom of the page and to screen readers. */
export function notify(text, bad = false) {
  const box = h("div", { class: bad ? "notice bad" : "notice" }, text);
  document.getElementById("notices").append(box);
  setTimeout(() => box.remove(), 6000);
}

/** A table with a head; `rows` are lists of nodes or texts, `columns` are {title, class}. */
export function table(caption, columns, rows) {
  const cells = (row) => row.map((cell, at) => h("td", { class: columns[at].class }, cell));
  return h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": caption },
    h("table", {},
      h("thead", {}, h("tr", {}, columns.map((one) => h("th", { scope: "col", class: one.class }, one.title)))),
      h("tbody", {}, rows.map((row) => h("tr", {}, cells(row))))));
}

/** Asks before something that cannot be taken back; resolves to whether it is wanted. */
export function confirmed(question, yes, no = "Keep it") {
  return new Promise((resolve) => {
    const answer = (wanted) => { box.close(); box.remove(); resolve(wanted); };
    const keep = h("button", { type: "button", class: "secondary outline", onclick: () => answer(false) }, no);
    const box = h("dialog", { "aria-labelledby": "question", oncancel: () => answer(false) },
      h("article", {}, h("p", { id: "question" }, question),
        h("footer", {}, keep, h("button", { type: "button", class: "danger", onclick: () => answer(true) }, yes))));
    document.body.append(box);
    box.showModal();
    keep.focus();
  });
}
