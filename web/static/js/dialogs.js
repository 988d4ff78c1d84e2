// data-dialog="id" opens a <dialog>; data-close within it closes it, as do Escape and a click beside it.

document.addEventListener("click", (event) => {
  if (!(event.target instanceof Element)) return;
  const opener = event.target.closest("[data-dialog]");
  if (opener) {
    document.getElementById(opener.dataset.dialog)?.showModal();
    return;
  }
  const closer = event.target.closest("[data-close]");
  if (closer || event.target.matches("dialog")) event.target.closest("dialog")?.close();
});
