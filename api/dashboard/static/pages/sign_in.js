// Sign-in: a token, which the server keeps in a cookie that this script cannot read.

import { signIn } from "../api.js";
import { h, setText } from "../dom.js";

export function signInPage(main, entered) {
  const token = h("input", {
    id: "token", type: "password", required: true, autocomplete: "off", spellcheck: "false",
    "aria-describedby": "token-hint token-fault",
  });
  const fault = h("small", { id: "token-fault", class: "fault", role: "alert" });
  const button = h("button", { type: "submit" }, "Sign in");
  const form = h("form", { class: "narrow", onsubmit: send }, h("label", { for: "token" }, "Token"), token,
    h("small", { id: "token-hint" }, "A signed token of yours; ", h("code", {}, "./run token NAME --operator"), " prints one. "
      + "Operators see the whole fleet."),
    fault, button);
  main.append(h("h1", {}, "Sign in"), form);
  token.focus();

  async function send(event) {
    event.preventDefault();
    button.setAttribute("aria-busy", "true");
    setText(fault, "");
    try {
      const found = await signIn(token.value.trim());
      token.value = "";
      entered(found);
    } catch (error) {
      setText(fault, error.message);
      token.setAttribute("aria-invalid", "true");
      token.focus();
    } finally {
      button.removeAttribute("aria-busy");
    }
  }
}
