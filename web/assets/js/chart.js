// The activity chart. Its numbers come from the table below it, so there is one source for eyes, scripts and readers.
import uPlot from "uplot";
import { connectLegend } from "./legend.js";
import { readTable } from "./table.js";

let plot = null;
let drawnFor = null;
let drawnData = "";

export function drawChart() {
  const place = document.getElementById("chart");
  if (!place) {
    forget();
    return;
  }
  const table = readTable(document.getElementById(place.dataset.table));
  if (table.at.length < 2) return; // a single point is no line: the drawing of the server stays
  const shape = `${place.dataset.bucket} ${table.names.join()}`;
  const data = [table.at, ...table.columns];
  const fingerprint = JSON.stringify([data, marks()]);
  if (plot && drawnFor === shape && plot.root.isConnected) {
    if (fingerprint !== drawnData) plot.setData(data);
    drawnData = fingerprint;
    return;
  }
  forget();
  place.replaceChildren();
  plot = new uPlot(options(place, table), data, place);
  drawnFor = shape;
  drawnData = fingerprint;
  connectLegend(plot, table);
}

function forget() {
  plot?.destroy();
  plot = null;
}

function options(place, table) {
  const { zone, bucket } = place.dataset;
  return {
    width: place.clientWidth,
    height: place.clientHeight,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
    padding: [12, halfLabel(table.at, timeFormat(zone, bucket)), 0, 0],
    scales: { y: { range: (_, low, high) => [0, Math.max(high * 1.08, 1)] } },
    axes: [timeAxis(zone, bucket), countAxis()],
    series: [{}, ...table.names.map(series)],
    hooks: { draw: [drawMarks] },
  };
}

// Where the annotations below the chart belong: their numbers by instant.
function marks() {
  const found = new Map();
  document.querySelectorAll("#annotations [data-at]").forEach((each, index) => {
    const at = Number(each.dataset.at);
    found.set(at, [...(found.get(at) ?? []), index + 1]);
  });
  return [...found];
}

function drawMarks({ ctx, bbox, valToPos }) {
  const ratio = devicePixelRatio;
  const radius = 8 * ratio;
  ctx.save();
  ctx.lineWidth = ratio;
  ctx.font = `${11 * ratio}px ${getComputedStyle(document.body).fontFamily}`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  for (const [at, numbers] of marks()) {
    const x = Math.round(valToPos(at, "x", true));
    ctx.strokeStyle = color("--muted");
    ctx.setLineDash([4 * ratio, 4 * ratio]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.setLineDash([]);
    numbers.forEach((number, index) => {
      const y = bbox.top + radius * (1 + 2.25 * index);
      ctx.beginPath();
      ctx.arc(x, y, radius, 0, 2 * Math.PI);
      ctx.fillStyle = color("--raised");
      ctx.fill();
      ctx.stroke();
      ctx.fillStyle = color("--text");
      ctx.fillText(String(number), x, y);
    });
  }
  ctx.restore();
}

function series(name) {
  const main = name === "messages";
  return {
    label: name,
    stroke: () => color(`--chart-${name}`),
    width: main ? 2 : 1.5,
    fill: main ? () => `color-mix(in srgb, ${color(`--chart-${name}`)} 12%, transparent)` : undefined,
    points: { show: false },
  };
}

function timeAxis(zone, bucket) {
  const format = timeFormat(zone, bucket);
  return {
    ...axisLook(),
    size: 28,
    grid: { show: false },
    // Buckets are the only places with a value, so only they are labelled, as many as there is room for.
    splits: (self, _axis, low, high) => {
      const inside = self.data[0].filter((at) => at >= low && at <= high);
      const room = Math.max(1, Math.floor(self.width / (widest(inside, format) + 24)));
      const every = Math.max(1, Math.ceil(inside.length / room));
      return inside.filter((_, index) => index % every === 0);
    },
    values: (_, splits) => splits.map((at) => format.format(at * 1000)),
  };
}

function timeFormat(zone, bucket) {
  const shape = {
    hour: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
    day: { day: "numeric", month: "short" },
    week: { day: "numeric", month: "short" },
    month: { month: "short", year: "numeric" },
  }[bucket];
  return new Intl.DateTimeFormat(locale(), { ...shape, timeZone: zone });
}

// A label stands in the middle below its place: half of the last one needs room beside the chart.
function halfLabel(times, format) {
  return Math.max(28, Math.ceil(widest(times, format) / 2) + 2);
}

function widest(times, format) {
  return Math.max(0, ...times.map((at) => textWidth(format.format(at * 1000))));
}

const ruler = document.createElement("canvas").getContext("2d");

function textWidth(text) {
  ruler.font = axisLook().font;
  return ruler.measureText(text).width;
}

function countAxis() {
  const format = new Intl.NumberFormat(locale(), { notation: "compact", maximumFractionDigits: 1 });
  return {
    ...axisLook(),
    size: labelWidth,
    space: 56,
    incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 1e7, 1e8],
    grid: { stroke: () => color("--line"), width: 1 },
    values: (_, splits) => splits.map((value) => format.format(value)),
  };
}

// "1,2 тыс." needs more room than "1.2K": as wide as the widest label, and never narrower than the labels of small numbers.
function labelWidth(self, labels) {
  return Math.max(44, Math.ceil(Math.max(0, ...(labels ?? []).map(textWidth))) + axisLook().gap + 4);
}

// Days stand before months, as everywhere else on the pages.
function locale() {
  const language = document.documentElement.lang;
  return language === "en" ? "en-GB" : language;
}

function axisLook() {
  return {
    stroke: () => color("--muted"),
    font: `12px ${getComputedStyle(document.body).fontFamily}`,
    ticks: { show: false },
    gap: 8,
  };
}

function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

new ResizeObserver(() => {
  const place = document.getElementById("chart");
  if (plot && place && plot.root.isConnected) plot.setSize({ width: place.clientWidth, height: place.clientHeight });
}).observe(document.documentElement);

window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plot?.redraw(false));
