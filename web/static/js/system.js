// The system's page: figures by events as they come, all else anew now and then; pause, resume, retry.
import { api } from "./api.js";
import { newKey } from "./keys.js";
import { on } from "./live.js";
import { morph } from "./morph.js";
import { watchPlots } from "./plots.js";
import { html } from "./refresh.js";
import { refresh as refreshTimes, span } from "./time.js";
import { toast } from "./toast.js";

// A page made anew asks a dozen questions of Postgres; a sample for the charts comes every ten seconds.
const APART_MS = 4000;
const CHARTS_MS = 10000;
const place = document.getElementById("system");
const dialog = document.getElementById("retry-all");
const pointAgain = watchPlots(place);
let looked = Date.now();
let planned = null;

on("system", (now) => {
  const queues = Object.values(now.queues);
  const sum = (name) => queues.reduce((total, queue) => total + (queue[name] ?? 0), 0);
  const waits = queues.map((queue) => queue.oldest_waiting_seconds).filter((seconds) => seconds !== null);
  // Where the events are polled for, /health says how many messages are ready, and nothing of later ones.
  write("ready", sum("ready").toLocaleString("en"));
  write("in_flight", sum("in_flight").toLocaleString("en"));
  if ("later" in queues[0]) write("later", sum("later").toLocaleString("en"));
  write("oldest", waits.length ? span(Math.max(...waits)) : "—");
  if (now.workers !== null) write("workers", now.workers.toLocaleString("en"));
  soon();
});
on("job", soon);
on("resumed", soon);
setInterval(() => document.hidden || soon(), CHARTS_MS);

function write(name, text) {
  const figure = place.querySelector(`[data-system="${name}"]`);
  if (figure && figure.textContent !== text) figure.textContent = text;
}

function soon() {
  planned ??= setTimeout(look, Math.max(0, looked + APART_MS - Date.now()));
}

async function look() {
  try {
    const page = new DOMParser().parseFromString(await html(location.href), "text/html");
    const wanted = page.getElementById("system");
    if (wanted) morph(place, document.importNode(wanted, true));
    refreshTimes(place);
    pointAgain();
  } catch {
    // The next news bring it up to date, or live.js says that it is offline.
  } finally {
    looked = Date.now();
    planned = null;
  }
}

document.addEventListener("click", (event) => {
  if (!(event.target instanceof Element)) return;
  const post = event.target.closest("[data-post]");
  if (post) send(post, post.dataset.post, post.dataset.said);
  const all = event.target.closest("[data-retry-all]");
  if (all) ask(all);
  const sure = event.target.closest("[data-confirm-retry]");
  if (sure) send(sure, `/api/v1/dead-letters/retry?source=${encodeURIComponent(dialog.dataset.source)}`, "Retried");
});

function ask(button) {
  dialog.dataset.source = button.dataset.retryAll;
  dialog.querySelector("[data-retry-source]").textContent = button.dataset.retryAll;
  dialog.querySelector("[data-retry-many]").textContent = button.dataset.many;
  dialog.showModal();
}

async function send(button, path, said) {
  if (button.disabled) return;
  button.disabled = true;
  try {
    const { data } = await api(path, { method: "POST", headers: { "Idempotency-Key": newKey() } });
    toast(said ? `${said}: job #${data.id}` : `${data.name}: ${data.paused ? "paused" : "goes on"}`, "good");
  } catch {
    // api.js has said what went wrong; what is shown may be old.
  } finally {
    button.disabled = false;
    dialog.close();
    await look();
  }
}
