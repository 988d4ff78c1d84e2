// Looks again when there is reason to, at most once a second and never twice at the same time.

const PAUSE_MS = 1000;

// refresher(look) gives a function to call as often as there is news; `look` may be slow, and may fail.
export function refresher(look) {
  let wanted = false;
  let busy = false;

  async function run() {
    busy = true;
    while (wanted) {
      wanted = false;
      try {
        await look();
      } catch {
        // The next news bring it up to date, or live.js says that it is offline.
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    busy = false;
  }

  return () => {
    wanted = true;
    if (!busy) run();
  };
}

// A page or a part of one, as HTML.
export async function html(address) {
  const answer = await fetch(address, { headers: { Accept: "text/html" }, credentials: "same-origin" });
  if (!answer.ok) throw new Error(answer.statusText);
  return answer.text();
}
