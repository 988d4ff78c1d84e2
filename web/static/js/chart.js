// The chart of a coin's past, drawn by lightweight-charts from the API's hours or days.
// What it shows stands in the attributes of [data-past]: api, range, interval, style, seconds (how far back), words.
import { exactly } from "./api.js";
import { percent, price } from "./figures.js";

const PAGE_SIZE = 500;
// Of a longer past the latest ones.
const MOST_PAGES = 20;
const charts = window.LightweightCharts;
const place = document.querySelector("[data-chart]");
const legend = document.querySelector("[data-legend]");
const note = document.querySelector("[data-note]");
const darkness = matchMedia("(prefers-color-scheme: dark)");

let chart = null;
let series = null;
let style = "";
let shown = "";
let rows = [];
let asked = null;

darkness.addEventListener("change", paint);

export async function showPast() {
  const wanted = { ...document.querySelector("[data-past]").dataset };
  asked?.abort();
  asked = new AbortController();
  try {
    rows = await past(wanted, asked.signal);
  } catch (error) {
    if (error.name !== "AbortError") note.textContent = "The past can't be read just now.";
    return;
  }
  place.hidden = legend.hidden = !rows.length || !charts;
  if (!place.hidden) draw(wanted);
  tell(wanted);
}

// All hours or days of the range, the oldest first; figures are the text of their digits.
async function past({ api, interval, seconds }, signal) {
  const query = new URLSearchParams({ interval, page_size: PAGE_SIZE });
  if (seconds) query.set("from", new Date(Date.now() - Number(seconds) * 1000).toISOString());
  const first = await page(api, query, 1, signal);
  const pages = Number(first.total_pages);
  const found = pages > MOST_PAGES ? [] : first.data;
  for (let number = Math.max(2, pages - MOST_PAGES + 1); number <= pages; number += 1) {
    found.push(...(await page(api, query, number, signal)).data);
  }
  return found;
}

async function page(api, query, number, signal) {
  query.set("page", number);
  const answer = await fetch(`${api}?${query}`, { signal, headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`${api} answers ${answer.status}`);
  return exactly(await answer.text());
}

function draw(wanted) {
  if (!chart) begin();
  if (style !== wanted.style) {
    if (series) chart.removeSeries(series);
    series = chart.addSeries(wanted.style === "line" ? charts.LineSeries : charts.CandlestickSeries);
    style = wanted.style;
  }
  paint();
  series.applyOptions({ priceFormat: format() });
  chart.timeScale().applyOptions({ timeVisible: wanted.interval === "1h", secondsVisible: false });
  series.setData(rows.map(style === "line" ? point : candle));
  const view = [wanted.range, wanted.interval].join();
  // Where the reader has scrolled to is left alone while figures come in.
  if (view !== shown) chart.timeScale().fitContent();
  shown = view;
  place.dataset.drawn = `${wanted.range} ${wanted.interval} ${wanted.style} ${rows.length}`;
}

function begin() {
  chart = charts.createChart(place, {
    autoSize: true,
    // The page's own line says it: the logo brings a style in line, which the page's policy forbids.
    layout: { attributionLogo: false },
    // The page is scrolled by wheel and finger, the chart by dragging.
    handleScroll: { mouseWheel: false, vertTouchDrag: false },
    handleScale: { mouseWheel: false },
    rightPriceScale: { borderVisible: false, entireTextOnly: true },
    timeScale: { borderVisible: false },
    crosshair: { mode: charts.CrosshairMode.Magnet },
  });
  chart.subscribeCrosshairMove(({ time }) => describe(rows.find((row) => seconds(row) === time)));
}

function paint() {
  if (!chart) return;
  const styles = getComputedStyle(place);
  const colour = (name) => styles.getPropertyValue(name).trim();
  chart.applyOptions({
    layout: { background: { color: "transparent" }, textColor: colour("--text-3"), fontFamily: styles.fontFamily },
    grid: { vertLines: { visible: false }, horzLines: { color: colour("--line") } },
    crosshair: {
      vertLine: { labelBackgroundColor: colour("--line-strong") },
      horzLine: { labelBackgroundColor: colour("--line-strong") },
    },
  });
  const [up, down] = [colour("--good"), colour("--bad")];
  series?.applyOptions(style === "line"
    ? { color: colour("--accent"), lineWidth: 2 }
    : { upColor: up, downColor: down, wickUpColor: up, wickDownColor: down, borderVisible: false });
}

// Only here do figures become floats: a pixel is coarser.
function candle(row) {
  return { time: seconds(row), open: Number(row.open), high: Number(row.high), low: Number(row.low), close: Number(row.close) };
}

function point(row) {
  return { time: seconds(row), value: Number(row.close) };
}

function seconds(row) {
  return Date.parse(row.start) / 1000;
}

// Ten thousand steps under the smallest price, as the scale's labels need them; prices go from 1e-12 to 1e6.
function format() {
  const least = Math.min(...rows.map((row) => Math.abs(Number(row.low)) || 1));
  const minMove = 10 ** (Math.floor(Math.log10(least)) - 4);
  return { type: "custom", minMove, formatter: (value) => price(value.toPrecision(10)) };
}

// In words, for those who don't see the chart.
function tell({ words }) {
  describe(undefined);
  if (!rows.length) {
    note.textContent = `Nothing was observed in ${words}.`;
    return;
  }
  const [first, last] = [rows[0], rows[rows.length - 1]];
  const lowest = rows.reduce((least, row) => (Number(row.low) < Number(least.low) ? row : least));
  const highest = rows.reduce((most, row) => (Number(row.high) > Number(most.high) ? row : most));
  const moved = (Number(last.close) / Number(first.open) - 1) * 100;
  const change = Number.isFinite(moved) ? ` (${percent(moved.toFixed(6))})` : "";
  note.textContent = `In ${words}: from ${price(first.open)} to ${price(last.close)}${change}, `
    + `at least ${price(lowest.low)}, at most ${price(highest.high)}.`;
}

// The figures under the pointer; of the latest where there is none.
function describe(row = rows[rows.length - 1]) {
  legend.replaceChildren();
  if (!row) return;
  const said = [[`${row.start.slice(0, 16).replace("T", " ")} UTC`], ["O", row.open], ["H", row.high], ["L", row.low], ["C", row.close], [row.source]];
  for (const [name, figure] of said) {
    const word = document.createElement("span");
    word.textContent = figure === undefined ? name : `${name} ${price(figure)}`;
    legend.append(word);
  }
}
