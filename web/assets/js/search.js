// A result of the search opens in place: some messages before and after it, as its trail has them. One is open at a time, since an
// event may stand on a page once. Without this each result is a link to its trail.
export function openResults() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest(".found-open");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    const wasOpen = link.getAttribute("aria-expanded") === "true";
    document.querySelectorAll(".found-open[aria-expanded=true]").forEach(close);
    if (!wasOpen) open(link);
  });
}

async function open(link) {
  link.setAttribute("aria-expanded", "true");
  const response = await fetch(link.dataset.around, { headers: { "HX-Request": "true" } }).catch(() => null);
  const page = response?.ok && new DOMParser().parseFromString(await response.text(), "text/html");
  const chunk = page && page.querySelector(".chunk");
  if (!chunk) {
    location.href = link.href; // which says what is wrong
    return;
  }
  if (!link.isConnected || link.getAttribute("aria-expanded") !== "true") return; // another one was opened meanwhile
  chunk.querySelector(`#e-${link.dataset.event}`)?.closest(".bubble, .badge, .failure").classList.add("found-here");
  const around = link.nextElementSibling;
  around.firstElementChild.replaceChildren(...chunk.childNodes);
  around.hidden = false;
}

function close(link) {
  link.setAttribute("aria-expanded", "false");
  link.nextElementSibling.hidden = true;
  link.nextElementSibling.firstElementChild.replaceChildren();
}
