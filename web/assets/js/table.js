// Reads the numbers of a chart out of its table: seconds since 1970 and one column for each series.
export function readTable(table) {
  const names = [...table.tHead.querySelectorAll("[data-series]")].map((cell) => cell.dataset.series);
  const rows = [...table.tBodies[0].rows];
  return {
    names,
    at: rows.map((row) => Number(row.dataset.at)),
    labels: rows.map((row) => row.cells[0].textContent),
    columns: names.map((_, index) => rows.map((row) => Number(row.cells[index + 1].dataset.value))),
    texts: names.map((_, index) => rows.map((row) => row.cells[index + 1].textContent)),
  };
}
