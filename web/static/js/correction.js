// Which coin an id is, corrected by hand. The page follows the id to where it went.
import { api } from "./api.js";
import { refreshParts } from "./parts.js";
import { toast } from "./toast.js";

let id = null;

document.addEventListener("click", (event) => {
  const button = event.target instanceof Element && event.target.closest("[data-correct], [data-forget]");
  if (!button) return;
  id = { ...button.dataset };
  const dialog = document.getElementById("correct" in id ? "correction" : "forgetting");
  dialog.querySelector(".badge").textContent = id.source;
  dialog.querySelector("[data-id]").textContent = id.sourceId;
  dialog.querySelector("[data-error]").textContent = "";
  const { elements } = dialog.querySelector("form");
  if ("correct" in id) {
    elements.target.value = "coin";
    elements.relation.value = id.relation;
    elements.canonical_id.value = "";
  }
  dialog.showModal();
  elements.canonical_id?.focus();
});

document.querySelector("[data-correction]")?.addEventListener("submit", (event) => {
  const { elements } = event.target;
  const own = elements.target.value === "own";
  const wanted = elements.canonical_id.value.trim();
  if (!own && !wanted) return refuse(event, "Say which coin, or that it is a coin of its own.");
  return send(event, "PUT", { canonical_id: own ? null : wanted, relation: elements.relation.value });
});

document.querySelector("[data-forgetting]")?.addEventListener("submit", (event) => send(event, "DELETE"));

// Naming a coin chooses it.
document.querySelector("[data-correction]")?.addEventListener("input", ({ target, currentTarget }) => {
  if (target.name === "canonical_id") currentTarget.elements.target.value = "coin";
});

function refuse(event, sentence) {
  event.preventDefault();
  event.target.querySelector("[data-error]").textContent = sentence;
}

async function send(event, method, json) {
  event.preventDefault();
  const button = event.submitter;
  if (button) button.disabled = true;
  const path = `/api/v1/mappings/${encodeURIComponent(id.source)}/${encodeURIComponent(id.sourceId)}`;
  try {
    const { data } = await api(path, { method, json, quiet: true });
    await follow(data.canonical_id, event.target.closest("dialog"));
  } catch (error) {
    refuse(event, error.message);
  } finally {
    if (button) button.disabled = false;
  }
}

async function follow(canonicalId, dialog) {
  const here = document.querySelector("[data-canonical-id]").dataset.canonicalId;
  if (canonicalId !== here) {
    location.assign(`/coins/${encodeURIComponent(canonicalId)}${location.search}`);
    return;
  }
  dialog.close();
  toast("Corrected", "good");
  await refreshParts();
}
