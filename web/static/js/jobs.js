// The list of jobs, kept current in place; and the form that starts one.
import "./since.js";
import "./start.js";
import { on } from "./live.js";
import { morph } from "./morph.js";
import { html, refresher } from "./refresh.js";
import { refresh as refreshTimes } from "./time.js";

const MOST_ROWS = 100;
const list = document.getElementById("list");
const news = new Map();
let everything = false;

const look = refresher(async () => {
  const jobs = [...news];
  const whole = everything || jobs.length > MOST_ROWS || jobs.some(changesTheList);
  news.clear();
  everything = false;
  if (whole) await lookAtAll();
  else if (jobs.length) await lookAtRows(jobs.map(([id]) => id).filter((id) => row(id)));
  refreshTimes(list);
});

on("job", ({ id, state, kind }) => {
  news.set(id, { state, kind });
  look();
});
on("resumed", () => {
  everything = true;
  look();
});
document.querySelector("[data-filter]")?.addEventListener("change", filter);
list.addEventListener("change", (event) => event.target.closest("[data-filter]") && filter(event));

function row(id) {
  return document.getElementById(`job-${id}`);
}

// A job that is new, or in another state than its row shows, changes the counts, and may come into the list or leave it.
function changesTheList([id, { state }]) {
  return row(id)?.dataset.state !== state;
}

async function lookAtRows(ids) {
  if (!ids.length) return;
  const fresh = document.createElement("template");
  fresh.innerHTML = await html(`/jobs/rows?${ids.map((id) => `id=${id}`).join("&")}`);
  for (const wanted of fresh.content.querySelectorAll("tr[data-job]")) {
    const shown = row(wanted.dataset.job);
    if (shown) morph(shown, wanted);
  }
}

async function lookAtAll() {
  const page = new DOMParser().parseFromString(await html(location.href), "text/html");
  const wanted = page.getElementById("list");
  if (wanted) morph(list, document.importNode(wanted, true));
}

function filter(event) {
  event.target.form?.requestSubmit();
}
