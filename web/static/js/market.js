// The market's table: figures change in place as ingests commit, a search shows its results without a new page.
import { exactly } from "./api.js";
import { amount, exact, percent, price, trend } from "./figures.js";
import { on } from "./live.js";
import { setTime } from "./time.js";

const AT_MOST_EVERY_MS = 1000;
const TYPING_PAUSE_MS = 250;
const WRITTEN_AS = { price, market_cap: amount, volume_24h: amount, price_change_24h: percent };

const market = document.querySelector("[data-market]");
const form = market.querySelector("form");
let address = location.href;
let lastUpdate = 0;
let waiting = null;
let missed = false;
let asked = 0;

// In place, at most once a second, and not out of sight

function changed() {
  if (document.hidden) {
    missed = true;
    return;
  }
  waiting ??= setTimeout(update, Math.max(0, lastUpdate + AT_MOST_EVERY_MS - Date.now()));
}

async function update() {
  lastUpdate = Date.now();
  const before = asked;
  try {
    const [figures, overview] = await Promise.all([text(market.dataset.figures), text("/market/overview")]);
    // What is shown may be another list by now.
    if (before !== asked) return;
    document.querySelector("[data-overview]").innerHTML = overview;
    const page = exactly(figures);
    if (sameCoins(page.data)) show(page);
    else await swap(address);
  } catch {
    // The next change, or the next poll, shows it.
  } finally {
    waiting = null;
  }
}

async function text(path) {
  const answer = await fetch(path, { headers: { Accept: "text/html, application/json" } });
  if (!answer.ok) throw new Error(answer.statusText);
  return answer.text();
}

function rows() {
  return new Map([...market.querySelectorAll("[data-coin]")].map((row) => [row.dataset.coin, row]));
}

function sameCoins(coins) {
  const shown = rows();
  return coins.length > 0 && coins.length === shown.size && coins.every((coin) => shown.has(coin.canonical_id));
}

function show(page) {
  const shown = rows();
  const body = market.querySelector("tbody");
  const order = [...shown.keys()];
  for (const coin of page.data) {
    const row = shown.get(coin.canonical_id);
    for (const [field, written] of Object.entries(WRITTEN_AS)) {
      showFigure(row.querySelector(`[data-figure="${field}"]`), field, coin[field], written);
    }
    row.querySelector(".c-rank").textContent = coin.rank ?? "—";
    row.querySelector('[data-figure="source"]').textContent = coin.source ?? "—";
    const time = row.querySelector("time");
    if (time && coin.last_updated) setTime(time, coin.last_updated);
  }
  // Moving a row takes its focus away, so rows move only when their order changed.
  if (page.data.some((coin, place) => coin.canonical_id !== order[place])) {
    const focused = document.activeElement;
    body.append(...page.data.map((coin) => shown.get(coin.canonical_id)));
    if (body.contains(focused)) focused.focus({ preventScroll: true });
  }
}

function showFigure(cell, field, digits, written) {
  const before = cell.getAttribute("value") ?? "";
  const now = exact(digits);
  if (before === now) return;
  const fresh = document.createElement(now ? "data" : "span");
  const isChange = field === "price_change_24h";
  fresh.className = isChange ? "change" : "figure";
  fresh.dataset.figure = field;
  fresh.textContent = written(digits);
  if (now) {
    fresh.setAttribute("value", now);
    fresh.title = isChange ? `${now}%` : now;
    if (isChange) fresh.classList.add(`change--${trend(digits)}`);
    fresh.classList.add("changed", ...direction(field, before, now));
  } else {
    fresh.classList.add("unknown");
  }
  cell.replaceWith(fresh);
}

// Only for the colour of a moment: a float's digits are enough.
function direction(field, before, now) {
  if (field !== "price" || !before) return [];
  return [Number(now) < Number(before) ? "changed--down" : "changed--up"];
}

// Another list in place of this one; false when a later one was asked for meanwhile

async function swap(to) {
  const mine = ++asked;
  const html = await text(to);
  if (mine !== asked) return false;
  const fresh = new DOMParser().parseFromString(html, "text/html");
  for (const part of ["[data-results]", "[data-count]", ".curl"]) {
    document.querySelector(part).replaceWith(fresh.querySelector(part));
  }
  market.dataset.figures = fresh.querySelector("[data-market]").dataset.figures;
  return true;
}

function search() {
  const wanted = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
  const to = `/${wanted.size ? `?${wanted}` : ""}`;
  swap(to).then(
    (done) => {
      if (!done) return;
      address = to;
      history.replaceState(null, "", to);
    },
    () => location.assign(to),
  );
}

let typing = null;
form.addEventListener("input", (event) => {
  clearTimeout(typing);
  typing = setTimeout(search, event.target.type === "search" ? TYPING_PAUSE_MS : 0);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(typing);
  search();
});
// Only who can't have it shown at once needs a button.
form.querySelector("[data-apply]").hidden = true;

// A slash goes to the search, as on other such pages.
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target instanceof Element && event.target.closest("input, select, textarea, [contenteditable]")) return;
  event.preventDefault();
  form.elements.search.focus();
});

// Or it would flash again when its row moves.
market.addEventListener("animationend", (event) => event.target.classList.remove("changed"));

on("data", changed);
on("resumed", changed);
document.addEventListener("visibilitychange", () => {
  if (document.hidden || !missed) return;
  missed = false;
  changed();
});
