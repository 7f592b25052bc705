// Keys: "g" and a letter goes to a page, "/" searches, "j" and "k" walk through the rows, "f" chooses a filter, Delete takes off that of
// the focused chip, "?" shows all of them. Never while somebody types or a dialog is open.
const ROWS = ".people tbody .person-name a, .found-open, .live-open";
const SECOND_KEY_MS = 1500;
let wentAt = -SECOND_KEY_MS;

export function listenToKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && event.target.id === "q") event.target.blur();
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const key = letterOf(event), isSecond = event.timeStamp - wentAt < SECOND_KEY_MS;
    wentAt = key === "g" && !isSecond ? event.timeStamp : -SECOND_KEY_MS;
    if (isSecond) document.querySelector(`[data-key="${CSS.escape(key)}"]`)?.click();
    else if (key === "/") focusSearch(event);
    else if (key === "?") showKeys();
    else if (key === "f") document.getElementById("filter-add")?.click();
    else if (key === "Delete" || key === "Backspace") document.activeElement.closest(".filter-chip")?.querySelector(".chip-remove").click();
    else if (key === "j") walk(1);
    else if (key === "k") walk(-1);
  });
  document.addEventListener("click", (event) => {
    const dialog = document.getElementById("keys");
    if (event.target.closest(".to-keys")) showKeys();
    else if (event.target === dialog || event.target.closest("#keys .sheet-close")) dialog.close();
  });
}

// On a keyboard of other letters the key in the place of the Latin one counts.
function letterOf(event) {
  const isLatin = event.key.length !== 1 || event.key.charCodeAt(0) < 128;
  return isLatin || !event.code.startsWith("Key") ? event.key : event.code.slice(3).toLowerCase();
}

function isTyping(element) {
  return element.matches("input, select, textarea, [contenteditable]");
}

function showKeys() {
  document.getElementById("keys")?.showModal();
}

function focusSearch(event) {
  event.preventDefault();
  const search = document.getElementById("q");
  if (!search) return document.querySelector("[data-key='/']")?.click();
  search.focus();
  search.select();
}

function walk(step) {
  const links = [...document.querySelectorAll(ROWS)];
  if (!links.length) return;
  const index = links.indexOf(document.activeElement);
  const next = index < 0 ? 0 : Math.min(Math.max(index + step, 0), links.length - 1);
  links[next].focus();
}
