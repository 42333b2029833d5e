// Where it begins: who is signed in decides what is shown, the part of the address behind # which page.

import { session, signOut, whenSignedOut } from "./api.js";
import * as away from "./away.js";
import { fill, h, notify, setText } from "./dom.js";
import * as live from "./live.js";
import { signInPage } from "./pages/sign_in.js";
import { banner } from "./pauses.js";
import { PAGES } from "./routes.js";
import * as samples from "./samples.js";

const main = document.getElementById("main");
const menu = document.getElementById("pages");
let user = null;
let end = null;
const hidePauses = banner(document.getElementById("paused"));
const hideAway = away.banner(document.getElementById("away"));
let arrived = false; // the first page takes no focus away: who begins at the top finds the skip link

function route() {
  end?.();
  end = null;
  const path = location.hash.slice(1) || "/";
  const found = PAGES.find((page) => page.path.test(path) && (!page.operators || user?.operator));
  if (!user) return signedOut();
  mark(found);
  document.title = `${found?.title ?? "Not found"} · Yardmaster`;
  fill(main);
  if (found) end = found.show(main, user, ...found.path.exec(path).slice(1)) ?? null;
  else fill(main, h("h1", {}, "Not found"), h("p", {}, "There is no such page. ", h("a", { href: "#/" }, "To the overview")));
  if (arrived) focusTop();
  arrived = true;
}

/** A screen reader begins to read where the new page begins. */
function focusTop() {
  const heading = main.querySelector("h1");
  heading?.setAttribute("tabindex", "-1");
  (heading ?? main).focus({ preventScroll: true });
  scrollTo(0, 0);
}

function mark(current) {
  const shown = PAGES.filter((page) => page.menu && (!page.operators || user.operator));
  fill(menu.querySelector("ul"), shown.map((page) =>
    h("li", {}, h("a", { href: page.menu, "aria-current": page === current ? "page" : null }, page.title))));
}

function signedIn(found) {
  user = found;
  setText(document.getElementById("user-name"), user.user_id);
  document.getElementById("user-name").title = user.user_id;
  for (const id of ["pages", "user"]) document.getElementById(id).hidden = false;
  live.connect();
  samples.start(user.operator);
  route();
}

function signedOut() {
  user = null;
  end?.();
  end = null;
  live.disconnect();
  samples.stop();
  hidePauses();
  hideAway();
  for (const id of ["pages", "user"]) document.getElementById(id).hidden = true;
  document.title = "Sign in · Yardmaster";
  fill(main);
  signInPage(main, signedIn);
}

document.getElementById("skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
document.getElementById("sign-out").addEventListener("click", async () => {
  await signOut().catch((error) => notify(error.message, true));
  signedOut();
});
whenSignedOut(() => { if (user) { notify("The session has ended; sign in again", true); signedOut(); } });
live.watch((isLive) => {
  const sign = document.getElementById("link-state");
  sign.className = isLive ? "state live" : "state off";
  setText(sign, isLive ? "live" : "connecting");
});
samples.watch((history) => {
  const { version } = history.at(-1).health ?? {};
  if (version) setText(document.getElementById("version"), version);
});
addEventListener("hashchange", route);
session().then(signedIn, signedOut);
