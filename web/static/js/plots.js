// What a chart says at the place of the pointer. A [data-plot] holds its points: [[seconds ago, figure, …], …].

const HOUR = 3600;

// Answers a function to call when the charts were drawn anew under the pointer.
export function watchPlots(root) {
  let pointed = null;
  root.addEventListener("pointermove", (event) => {
    const plot = event.target instanceof Element && event.target.closest("[data-plot]");
    pointed = plot ? [plot, event.clientX] : null;
    if (plot) show(plot, event.clientX);
    else clear(root);
  });
  root.addEventListener("pointerleave", () => {
    pointed = null;
    clear(root);
  });
  return () => pointed && show(...pointed);
}

function show(plot, at) {
  const box = plot.getBoundingClientRect();
  const ago = (1 - (at - box.left) / box.width) * HOUR;
  const points = JSON.parse(plot.dataset.points);
  if (!points.length) return;
  const nearest = points.reduce((best, point) => (Math.abs(point[0] - ago) < Math.abs(best[0] - ago) ? point : best));
  const tip = part(plot, "plot__tip");
  const names = plot.dataset.names.split("|");
  tip.replaceChildren(line("strong", when(nearest[0])), ...names.map((name, place) =>
    line("span", `${name}: ${nearest[place + 1].toLocaleString("en")}${plot.dataset.unit}`)));
  const left = (1 - nearest[0] / HOUR) * box.width;
  part(plot, "plot__cross").style.left = `${left}px`;
  const beside = left > box.width / 2 ? left - tip.offsetWidth - 10 : left + 10;
  tip.style.left = `${Math.max(0, Math.min(beside, box.width - tip.offsetWidth))}px`;
}

function when(ago) {
  return ago < 30 ? "now" : `${Math.round(ago / 60)} min ago`;
}

function part(plot, name) {
  let found = plot.querySelector(`.${name}`);
  if (!found) {
    found = document.createElement("div");
    found.className = name;
    found.setAttribute("aria-hidden", "true");
    plot.append(found);
  }
  return found;
}

function line(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

function clear(root) {
  for (const shown of root.querySelectorAll(".plot__tip, .plot__cross")) shown.remove();
}
