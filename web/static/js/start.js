// The form that starts an ingest: one job however often it is sent, files with their progress, then the job's page.
import { newKey } from "./keys.js";
import { api } from "./api.js";
import { offerHeaders } from "./headers.js";
import { upload } from "./upload.js";

const form = document.querySelector("form[data-start]");
let key = newKey();
let busy = false;

if (form) {
  form.querySelector("[data-upload-choice]").hidden = false;
  form.addEventListener("submit", submitted);
  form.elements.file.addEventListener("change", chosen);
  const drop = form.querySelector("[data-drop]");
  for (const type of ["dragenter", "dragover"]) drop.addEventListener(type, () => drop.classList.add("drop--over"));
  for (const type of ["dragleave", "drop"]) drop.addEventListener(type, () => drop.classList.remove("drop--over"));
  // Going back to this page must not leave it waiting for what was sent before.
  addEventListener("pageshow", () => ready());
}

async function submitted(event) {
  event.preventDefault();
  if (busy) return;
  const fault = faultOf(form);
  if (fault) {
    say(fault.message);
    fault.field?.focus();
    return;
  }
  busy = true;
  say("");
  form.querySelector('button[type="submit"]').disabled = true;
  try {
    const job = await sent();
    key = newKey();
    location.assign(`/jobs/${job.id}`);
  } catch (error) {
    // What was answered is settled; what was not may have arrived, and is the same request when it is sent again.
    if (error.status && error.status < 500) key = newKey();
    say(error.message);
    ready();
  }
}

function ready() {
  busy = false;
  form.querySelector('button[type="submit"]').disabled = false;
  form.querySelector("[data-progress]").hidden = true;
}

function faultOf({ elements }) {
  if (elements.source.value === "upload") {
    const [file] = elements.file.files;
    if (!file) return { message: "Choose a file first.", field: elements.file };
    const most = Number(form.dataset.mostBytes);
    return file.size > most ? { message: `The file is larger than ${most} bytes, which this server takes at most.`, field: elements.file } : null;
  }
  const wrong = limits().find((field) => !field.validity.valid);
  return wrong ? { message: `${wrong.name.replaceAll("_", " ")}: ${wrong.validationMessage}`, field: wrong } : null;
}

function limits() {
  const source = form.elements.source.value;
  return [...form.querySelectorAll('input[name$="_limit"]')].filter((field) => source === "all" || field.name === `${source}_limit`);
}

async function sent() {
  const source = form.elements.source.value;
  const headers = { "Idempotency-Key": key };
  if (source === "upload") {
    return upload(form.elements.file.files[0], { columns: columns(), headers, progress });
  }
  const query = new URLSearchParams();
  for (const field of limits()) if (field.value) query.set(source === "all" ? field.name : "limit", field.value);
  const path = `/api/v1/ingest/${source}${query.size ? `?${query}` : ""}`;
  return (await api(path, { method: "POST", headers, quiet: true })).data;
}

function columns() {
  const named = [...form.querySelectorAll("[data-column]")].filter((field) => field.value.trim());
  return Object.fromEntries(named.map((field) => [field.dataset.column, field.value.trim()]));
}

function progress(done, total) {
  const place = form.querySelector("[data-progress]");
  place.hidden = false;
  const bar = place.querySelector("progress");
  if (total) {
    bar.max = total;
    bar.value = done;
  } else {
    bar.removeAttribute("value");
  }
  const percent = total ? Math.floor((100 * done) / total) : 0;
  place.querySelector("[data-progress-text]").textContent = done < total ? `Uploading, ${percent} %` : "Uploaded; the server takes it in";
}

async function chosen() {
  const [file] = form.elements.file.files;
  form.querySelector("[data-drop-text]").textContent = file ? file.name : "Drop a CSV file here, or choose one";
  say("");
  await offerHeaders(file, document.getElementById("headers"));
}

function say(words) {
  const place = form.querySelector("[data-faults]");
  place.replaceChildren();
  if (!words) return;
  const notice = document.createElement("p");
  notice.className = "notice notice--bad";
  notice.textContent = words;
  place.append(notice);
}
