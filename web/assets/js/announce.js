// Tells screen readers what a swap changed: the page's own summary, and only when it is another one than before.
export function announceChanges() {
  let told = status();
  document.addEventListener("htmx:after:settle", () => {
    const now = status();
    if (now === told) return;
    told = now;
    document.getElementById("announcement").textContent = now;
  });
}

function status() {
  return document.getElementById("page")?.dataset.status ?? "";
}
