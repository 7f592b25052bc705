// The chart's legend: a button for each series, which hides it, and the value under the cursor.
import { readTable } from "./table.js";

export function connectLegend(plot, table) {
  const legend = document.querySelector(".legend");
  const buttons = table.names.map((name) => asButton(legend.querySelector(`[data-series="${name}"]`)));
  buttons.forEach((button, index) => {
    button.onclick = () => {
      const shown = !plot.series[index + 1].show;
      plot.setSeries(index + 1, { show: shown });
      button.setAttribute("aria-pressed", String(shown));
    };
    if (button.getAttribute("aria-pressed") === "false") plot.setSeries(index + 1, { show: false });
  });
  const when = heading();
  plot.hooks.setCursor = [
    () => {
      const index = plot.cursor.idx;
      const now = readTable(document.getElementById(plot.root.parentElement.dataset.table)); // it may have been refreshed
      buttons.forEach((button, series) => {
        button.querySelector(".legend-value").textContent = index == null ? "" : (now.texts[series][index] ?? "");
      });
      when.textContent = index == null ? "" : (now.labels[index] ?? "");
    },
  ];

  function heading() {
    let place = legend.querySelector(".legend-when");
    if (!place) {
      place = document.createElement("span");
      place.className = "legend-item legend-when";
      legend.prepend(place);
    }
    return place;
  }
}

function asButton(item) {
  if (item.tagName === "BUTTON") return item;
  const button = document.createElement("button");
  button.type = "button";
  button.className = item.className;
  button.dataset.series = item.dataset.series;
  button.setAttribute("aria-pressed", "true");
  button.append(...item.childNodes);
  item.replaceWith(button);
  return button;
}
