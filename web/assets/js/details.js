// A click on a time shows what is known of its event, in place. Escape, the button and the backdrop close it, and the focus goes
// back to the time (the dialog does both). Without this the time is a link to the same on a page of its own.
export function showDetails() {
  document.addEventListener("click", (event) => {
    const sheet = document.getElementById("details");
    if (!sheet) return;
    if (event.target === sheet || event.target.closest(".sheet-close, #details .event-links a")) sheet.close();
    const link = event.target.closest("a.to-details");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    show(sheet, link.href);
  });
}

async function show(sheet, address) {
  const response = await fetch(address, { headers: { "HX-Request": "true" } }).catch(() => null);
  const page = response?.ok && new DOMParser().parseFromString(await response.text(), "text/html");
  const found = page && page.querySelector(".event-details");
  if (!found) {
    location.href = address; // which says what is wrong
    return;
  }
  sheet.querySelector(".sheet-content").replaceChildren(found);
  sheet.showModal();
}
