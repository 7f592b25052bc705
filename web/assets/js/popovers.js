// Panels that hang from a summary: Escape, a click beside it, a choice in it and a form that is sent close it, and the focus goes
// back to what opened it. Without this the summary alone does.
const OPEN = ".popover[open]";

export function closePopovers() {
  document.addEventListener("keydown", (event) => {
    const open = event.key === "Escape" && !document.querySelector("dialog[open]") && document.querySelector(OPEN);
    if (open) close(open, true);
  });
  document.addEventListener("click", (event) => {
    const chosen = event.target.closest(".popover-panel a");
    for (const open of document.querySelectorAll(OPEN)) {
      if (!open.contains(event.target)) close(open, false);
      else if (chosen && !event.ctrlKey && !event.metaKey && !event.shiftKey) close(open, true);
    }
  });
  document.addEventListener("submit", (event) => {
    const open = event.target.closest(OPEN);
    if (open) close(open, true);
  });
}

function close(open, withFocus) {
  for (const inner of open.querySelectorAll("details[open]")) inner.open = false;
  open.open = false;
  if (withFocus) open.querySelector("summary").focus();
}
