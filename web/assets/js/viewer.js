// A click on a picture of the trail shows it large, in place. Escape, the button and the backdrop close it, and the focus
// goes back to the picture (the dialog sees to both). Without this the picture is a link, as it is with Ctrl or a middle click.
export function showPictures() {
  document.addEventListener("click", (event) => {
    const viewer = document.getElementById("viewer");
    if (!viewer) return;
    if (event.target === viewer || event.target.closest(".viewer-close")) viewer.close();
    const link = event.target.closest("a.picture");
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
  const picture = new Image();
  picture.width = thumbnail.getAttribute("width"); // the real size, so that nothing jumps when it has loaded
  picture.height = thumbnail.getAttribute("height");
  picture.alt = thumbnail.alt;
  picture.addEventListener("error", () => picture.replaceWith(sentence(viewer.dataset.broken)));
  picture.src = link.href;
  viewer.querySelector(".viewer-figure").replaceChildren(picture);
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
