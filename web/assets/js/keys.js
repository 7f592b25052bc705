// "/" goes to the search, "f" chooses a filter, Delete takes off that of the focused chip; "j" and "k" walk through the rows of Users.
export function listenToKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
    if (event.key === "/") focusSearch(event);
    else if (event.key === "f") document.getElementById("filter-add")?.click();
    else if (event.key === "Delete" || event.key === "Backspace") document.activeElement.closest(".filter-chip")?.querySelector(".chip-remove").click();
    else if (event.key === "j") walk(1);
    else if (event.key === "k") walk(-1);
  });
}

function isTyping(element) {
  return element.matches("input, select, textarea, [contenteditable]");
}

function focusSearch(event) {
  const search = document.getElementById("q");
  if (!search) return;
  event.preventDefault();
  search.focus();
  search.select();
}

function walk(step) {
  const links = [...document.querySelectorAll(".people tbody .person-name a")];
  if (!links.length) return;
  const index = links.indexOf(document.activeElement);
  const next = index < 0 ? 0 : Math.min(Math.max(index + step, 0), links.length - 1);
  links[next].focus();
}
