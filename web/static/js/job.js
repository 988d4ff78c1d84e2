// A job's page, live while the job runs; cancel and retry, with a question before what matters.
import "./since.js";
import { api } from "./api.js";
import { newKey } from "./keys.js";
import { on } from "./live.js";
import { morph } from "./morph.js";
import { html, refresher } from "./refresh.js";
import { refresh as refreshTimes } from "./time.js";

// Tasks wait and go on without the job's state changing.
const LOOK_MS = 5000;
const place = document.getElementById("job");
const number = Number(place.dataset.job);
const keys = { cancel: newKey(), retry: newKey() };

const look = refresher(async () => {
  const before = place.dataset.state;
  const page = new DOMParser().parseFromString(await html(location.href), "text/html");
  const wanted = page.getElementById("job");
  if (!wanted) return;
  morph(place, document.importNode(wanted, true));
  refreshTimes(place);
  if (place.dataset.state !== before) {
    document.querySelector("[data-said]").textContent = `Job ${number}: ${place.querySelector("#job-state").textContent.trim()}`;
  }
});

on("job", ({ id }) => id === number && look());
on("resumed", look);
setInterval(() => {
  if (!document.hidden && !("ended" in place.dataset)) look();
}, LOOK_MS);

document.addEventListener("submit", (event) => {
  const act = event.target.dataset.act;
  if (!act) return;
  event.preventDefault();
  const dialog = document.getElementById(`${act}-dialog`);
  if (act === "cancel" || event.target.hasAttribute("data-again")) dialog.showModal();
  else send(act, event.submitter);
});

document.addEventListener("click", (event) => {
  const button = event.target instanceof Element && event.target.closest("[data-confirm]");
  if (button) send(button.dataset.confirm, button);
});

async function send(act, button) {
  if (button.disabled) return;
  button.disabled = true;
  try {
    const { data } = await api(`/api/v1/jobs/${number}/${act}`, { method: "POST", headers: { "Idempotency-Key": keys[act] } });
    button.closest("dialog")?.close();
    keys[act] = newKey();
    if (data.id !== number) location.assign(`/jobs/${data.id}`);
    else look();
  } catch (error) {
    if (error.status && error.status < 500) keys[act] = newKey();
    look();
  } finally {
    button.disabled = false;
  }
}
