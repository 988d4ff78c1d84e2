// Keeps the words of every <… data-since="time"> current: how long something that runs has taken so far.
// The words are those of web/pages/jobwords.py.

const TICK_MS = 1000;

export function length(seconds) {
  const known = Math.max(0, seconds);
  if (known < 9.95) return `${known.toFixed(1)} s`;
  const whole = Math.round(known);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.floor(whole / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function tick() {
  if (document.hidden) return;
  for (const element of document.querySelectorAll("[data-since]")) {
    element.textContent = length((Date.now() - new Date(element.dataset.since).getTime()) / 1000);
  }
}

setInterval(tick, TICK_MS);
