// data-copy="id" copies the text of the element with that id.
import { toast } from "./toast.js";

document.addEventListener("click", async (event) => {
  const button = event.target instanceof Element && event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  if (!source) return;
  if (await copied(source)) toast("Copied", "good");
  else toast("Selected: press Ctrl+C or ⌘C to copy");
});

async function copied(source) {
  try {
    await navigator.clipboard.writeText(source.textContent);
    return true;
  } catch {
    // No clipboard without https; the reader can still copy what is selected.
    getSelection()?.selectAllChildren(source);
    return false;
  }
}
