// Parts of a page made anew by the server: every element with data-part and an id is replaced by its like from the
// page's own address, where the server's answer has changed. What was open stays open, and the focus stays.

let asked = null;

// Answers the fetched document. Throws when the page can't be had; a newer call ends an older one with an AbortError.
export async function refreshParts(address = location.href) {
  asked?.abort();
  asked = new AbortController();
  const answer = await fetch(address, { headers: { Accept: "text/html" }, signal: asked.signal });
  if (!answer.ok) throw new Error(`${address} answers ${answer.status}`);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-part][id]")) {
    const other = fresh.getElementById(part.id);
    if (other && !same(part, other)) replace(part, other);
  }
  return { address: answer.url, page: fresh };
}

// What the server sent for each part; the page's own scripts may have changed it since.
const sent = new Map([...document.querySelectorAll("[data-part][id]")].map((part) => [part.id, bare(part)]));

function same(part, other) {
  return sent.get(part.id) === bare(other);
}

// How long ago something was changes by itself.
function bare(part) {
  const copy = part.cloneNode(true);
  for (const time of copy.querySelectorAll("time[data-ago]")) time.textContent = "";
  for (const details of [copy, ...copy.querySelectorAll("details")]) details.removeAttribute("open");
  return copy.outerHTML;
}

function replace(part, other) {
  sent.set(part.id, bare(other));
  const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
  const fresh = document.importNode(other, true);
  for (const details of [part, ...part.querySelectorAll("details[id]")]) {
    const like = details.id === fresh.id ? fresh : fresh.querySelector(`#${CSS.escape(details.id)}`);
    if (details.open && like) like.open = true;
  }
  part.replaceWith(fresh);
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}
