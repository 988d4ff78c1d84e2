// Short messages in the corner, read out by screen readers. kind: "good", "bad" or none.

const LONG_ENOUGH_MS = 6000;

export function toast(text, kind = "") {
  const room = document.querySelector("[data-toasts]");
  if (!room) return;
  const message = document.createElement("div");
  message.className = kind ? `toast toast--${kind}` : "toast";
  const words = document.createElement("span");
  words.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "toast__close";
  close.setAttribute("aria-label", "Dismiss");
  close.textContent = "×";
  close.addEventListener("click", () => message.remove());
  message.append(words, close);
  room.append(message);
  // Errors stay until they are dismissed.
  if (kind !== "bad") setTimeout(() => message.remove(), LONG_ENOUGH_MS);
}
