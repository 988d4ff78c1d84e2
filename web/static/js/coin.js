// A coin's page: its chart, and all its parts kept current.
import { showPast } from "./chart.js";
import "./correction.js";
import { on } from "./live.js";
import { refreshParts } from "./parts.js";

// An ingest commits page after page: one look is enough for some of them.
const CALM_MS = 2000;

document.documentElement.classList.add("scripted");
showPast();

// Range, interval and style stand in the address.
document.addEventListener("click", (event) => {
  const link = event.target instanceof Element && event.target.closest("a[data-state]");
  if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  if (link.href !== location.href) history.pushState(null, "", link.href);
  redraw();
});
addEventListener("popstate", redraw);

let waiting = null;
for (const type of ["data", "resumed"]) on(type, soon);

function soon() {
  if (!document.hidden) waiting ??= setTimeout(redraw, CALM_MS);
}
document.addEventListener("visibilitychange", soon);

async function redraw() {
  clearTimeout(waiting);
  waiting = null;
  try {
    const { address, page } = await refreshParts();
    const there = new URL(address);
    // The coin was merged into another: that is where this page is now. Sign-in is no coin.
    const isCoin = page.querySelector("[data-canonical-id]");
    if (isCoin && there.pathname !== location.pathname) history.replaceState(null, "", there);
  } catch (error) {
    if (error.name === "AbortError") return;
    // What is shown stays; the next change brings it up to date.
  }
  await showPast();
}
