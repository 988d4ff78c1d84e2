// What changes, as it changes: server-sent events from /api/v1/events, or polling when there is no stream.
//
//   on("data", ({version}) => …)        golden records changed
//   on("job", ({id, state, kind}) => …) a job moved on
//   on("system", (figures) => …)        the queues' figures
//   on("resumed", () => …)              something may have been missed: look at all that is shown
//
// `on` returns a function that stops it. Only the types that a page asks for are polled. The browser sends Last-Event-ID
// by itself. A tab out of sight gives its stream back after a while: a browser has six connections to a host.
import { api } from "./api.js";

const STREAM = "/api/v1/events";
const TYPES = ["data", "job", "system"];
const POLL_MS = 5000;
const STREAM_AGAIN_MS = 60000;
const PATIENCE_MS = 8000;
const OUT_OF_SIGHT_MS = 30000;

const listeners = new Map();
let stream = null;
let polling = null;
let again = null;
let impatient = null;
let hiding = null;
let wasOpen = false;
let seenVersion = null;
let seenJobs = new Map();

export function on(type, callback) {
  if (!listeners.has(type)) listeners.set(type, new Set());
  listeners.get(type).add(callback);
  if (TYPES.includes(type) && !stream && !polling && !document.hidden) open();
  return () => listeners.get(type).delete(callback);
}

// Shows in the page's head whether figures come live; for every page, whatever it listens to.
export function showState() {
  on("state", (state) => {
    const place = document.querySelector("[data-live]");
    if (!place) return;
    place.hidden = false;
    place.dataset.live = state;
    place.querySelector("[data-live-text]").textContent = { live: "Live", polling: "Polling", away: "Offline" }[state];
  });
}

function emit(type, data) {
  for (const callback of listeners.get(type) || []) {
    try {
      callback(data);
    } catch (error) {
      console.error(error);
    }
  }
}

function open() {
  clearTimeout(again);
  close();
  stream = new EventSource(STREAM);
  stream.addEventListener("open", opened);
  stream.addEventListener("error", failed);
  for (const type of TYPES) stream.addEventListener(type, (event) => emit(type, JSON.parse(event.data)));
  stream.addEventListener("reset", () => emit("resumed", null));
  waitNoLonger();
}

function opened() {
  clearTimeout(impatient);
  impatient = null;
  stopPolling();
  emit("state", "live");
  if (wasOpen) emit("resumed", null);
  wasOpen = true;
}

function failed() {
  // The browser tries again by itself unless the server refused; meanwhile, and then, we ask.
  if (stream?.readyState === EventSource.CLOSED) {
    close();
    poll();
    again = setTimeout(open, STREAM_AGAIN_MS);
  } else {
    waitNoLonger();
  }
}

function waitNoLonger() {
  impatient ??= setTimeout(poll, PATIENCE_MS);
}

function close() {
  clearTimeout(impatient);
  impatient = null;
  stream?.close();
  stream = null;
}

function poll() {
  if (polling) return;
  polling = setInterval(ask, POLL_MS);
  ask();
}

function stopPolling() {
  clearInterval(polling);
  polling = null;
}

async function ask() {
  try {
    if (wants("data")) await askData();
    if (wants("job")) await askJobs();
    if (wants("system")) emit("system", (await api("/health", { quiet: true })).data);
    emit("state", "polling");
  } catch {
    emit("state", "away");
  }
}

function wants(type) {
  return (listeners.get(type)?.size || 0) > 0;
}

async function askData() {
  const { headers } = await api("/api/v1/stats", { quiet: true });
  const version = headers.get("ETag");
  if (seenVersion !== null && version !== seenVersion) emit("data", { version });
  seenVersion = version;
}

async function askJobs() {
  const { data } = await api("/api/v1/jobs?page_size=50", { quiet: true });
  const now = new Map(data.data.map((job) => [job.id, `${job.state} ${job.progress?.done}`]));
  for (const { id, state, kind } of data.data) {
    if (seenJobs.size && seenJobs.get(id) !== now.get(id)) emit("job", { id, state, kind });
  }
  seenJobs = now;
}

document.addEventListener("visibilitychange", () => {
  clearTimeout(hiding);
  if (document.hidden) {
    hiding = setTimeout(() => {
      clearTimeout(again);
      stopPolling();
      close();
    }, OUT_OF_SIGHT_MS);
  } else if (!stream && !polling && TYPES.some(wants)) {
    open();
  }
});
addEventListener("pagehide", () => {
  clearTimeout(again);
  stopPolling();
  close();
});
addEventListener("pageshow", (event) => event.persisted && TYPES.some(wants) && open());
