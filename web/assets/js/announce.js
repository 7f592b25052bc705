// Tells screen readers what a swap changed: the page's own summary, and only when it has changed.
export function announceChanges() {
  let announced = status();
  document.addEventListener("htmx:after:settle", () => {
    const now = status();
    if (now === announced) return;
    announced = now;
    document.getElementById("announcement").textContent = now;
  });
}

function status() {
  return document.getElementById("page")?.dataset.status ?? "";
}
