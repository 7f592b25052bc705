// A click on an image of the trail shows it large, in place. Escape, the button and the backdrop close it, and the focus
// goes back to the image (the dialog does both). Without this the image is a link, as it is with Ctrl or a middle click.
export function showImages() {
  document.addEventListener("click", (event) => {
    const viewer = document.getElementById("viewer");
    if (!viewer) return;
    if (event.target === viewer || event.target.closest(".viewer-close")) viewer.close();
    const link = event.target.closest("a.image");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    show(viewer, link);
  });
  document.getElementById("viewer")?.addEventListener("close", (event) => {
    event.target.querySelector(".viewer-figure").replaceChildren();
  });
}

function show(viewer, link) {
  const thumbnail = link.querySelector("img");
  const image = new Image();
  image.width = thumbnail.getAttribute("width"); // the real size, so that nothing jumps when it has loaded
  image.height = thumbnail.getAttribute("height");
  image.alt = thumbnail.alt;
  image.addEventListener("error", () => image.replaceWith(sentence(viewer.dataset.broken)));
  image.src = link.href;
  viewer.querySelector(".viewer-figure").replaceChildren(image);
  viewer.querySelector(".viewer-caption").textContent = thumbnail.alt;
  viewer.querySelector(".viewer-link").href = link.href;
  viewer.showModal();
}

function sentence(words) {
  const paragraph = document.createElement("p");
  paragraph.className = "viewer-broken";
  paragraph.setAttribute("role", "alert");
  paragraph.textContent = words;
  return paragraph;
}
