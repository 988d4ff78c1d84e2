// Keeps every <time data-ago> current. The words are those of web/pages/moments.py.

const STEPS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
const TICK_MS = 5000;

export function ago(moment, now = Date.now()) {
  const seconds = Math.round((now - new Date(moment).getTime()) / 1000);
  if (Number.isNaN(seconds)) return "";
  if (Math.abs(seconds) < 2) return "now";
  return seconds > 0 ? `${span(seconds)} ago` : `in ${span(-seconds)}`;
}

export function span(seconds) {
  const step = STEPS.find(([size]) => seconds >= size);
  return step ? `${Math.floor(seconds / step[0])} ${step[1]}` : "0 s";
}

// Sets a <time>'s moment: its attribute, its title and its words.
export function setTime(element, moment) {
  element.dateTime = moment;
  element.title = `${new Date(moment).toISOString().slice(0, 19).replace("T", " ")} UTC`;
  element.textContent = ago(moment);
}

export function refresh(root = document) {
  for (const element of root.querySelectorAll("time[data-ago]")) {
    const words = ago(element.dateTime);
    if (words !== element.textContent) element.textContent = words;
  }
}

refresh();
setInterval(() => document.hidden || refresh(), TICK_MS);
document.addEventListener("visibilitychange", () => document.hidden || refresh());
