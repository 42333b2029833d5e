// What forms share.

import { h, notify } from "./dom.js";

/** Puts [value, words] into a list, when they are others, and keeps what was chosen. */
export function offer(select, options) {
  const now = [...select.options].map((option) => option.value);
  if (now.length === options.length && options.every(([value], at) => value === now[at])) return;
  const chosen = select.value;
  select.replaceChildren(...options.map(([value, words]) => h("option", { value }, words)));
  if (options.some(([value]) => value === chosen)) select.value = chosen;
}

/** Does it while the button says that something is under way, and tells what the server refuses. */
export async function saying(button, what) {
  button.setAttribute("aria-busy", "true");
  try {
    await what();
  } catch (error) {
    const [first] = error.details ?? [];
    notify(first ? `${error.message}: ${first.field}: ${first.message}` : error.message, true);
  } finally {
    button.removeAttribute("aria-busy");
  }
}

/** The value of a datetime-local as a moment with its zone; null when it is empty. */
export function zoned(value) {
  return value ? new Date(value).toISOString() : null;
}
