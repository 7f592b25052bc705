// The picker of filters: it opens beside its chip, its choices change the page behind it, and Escape or a click beside it ends it.
// Without this each of its links is a page.
import htmx from "htmx.org";

export function pickFilters() {
  document.addEventListener("click", (event) => {
    const dialog = theDialog();
    if (!dialog) return;
    if (event.target === dialog) dialog.close();
    const link = event.target.closest("a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    if (link.matches(".to-picker, #picker .picker-link, #picker .picker-back")) {
      event.preventDefault();
      show(dialog, link.href, link.matches(".to-picker") ? link : null);
    } else if (dialog.contains(link)) {
      if (link.dataset.stays) show(dialog, link.dataset.stays);
      else dialog.close();
    }
  });
  document.addEventListener("submit", (event) => {
    if (event.target.matches("#picker form")) theDialog().close();
  });
  document.addEventListener("input", (event) => {
    if (event.target.matches("#picker .picker-find")) narrow(theDialog(), event.target.value);
  });
  document.addEventListener("keydown", (event) => {
    if (theDialog()?.contains(event.target)) walk(theDialog(), event);
  });
}

// Going back replaces all of the page, and with it the dialog.
function theDialog() {
  return document.getElementById("picker");
}

function walk(dialog, event) {
  const choices = [...dialog.querySelectorAll(".picker-option:not([hidden])")];
  if (event.key === "Enter" && event.target.matches(".picker-find")) choices[0]?.click();
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || !choices.length || event.target.matches("select, textarea, [type=date]")) return;
  event.preventDefault();
  const next = choices.indexOf(document.activeElement) + step;
  (choices[next] ?? (step > 0 ? choices[choices.length - 1] : dialog.querySelector(".picker-find")))?.focus();
}

async function show(dialog, address, opener) {
  const response = await fetch(address, { headers: { "HX-Request": "true" } }).catch(() => null);
  const page = response?.ok && new DOMParser().parseFromString(await response.text(), "text/html");
  const found = page && page.querySelector(".picker");
  if (!found) {
    location.href = address; // which says what is wrong
    return;
  }
  const focused = dialog.open && document.activeElement?.getAttribute("href") ? textOf(document.activeElement) : "";
  const scrolled = dialog.querySelector(".picker-list")?.scrollTop ?? 0;
  const isSame = dialog.querySelector(".picker")?.dataset.field === found.dataset.field;
  dialog.replaceChildren(found);
  htmx.process(dialog);
  if (!dialog.open) dialog.showModal();
  if (opener) place(dialog, opener);
  const before = focused && isSame && [...dialog.querySelectorAll("a")].find((each) => textOf(each) === focused);
  // a field that is focused brings up the keyboard of a phone, over what is to be chosen
  const first = matchMedia("(pointer: coarse)").matches ? ".picker-option" : ".picker-find, .picker-option, textarea, input:not([type=hidden])";
  (before || dialog.querySelector(first))?.focus();
  if (before) dialog.querySelector(".picker-list").scrollTop = scrolled;
}

function textOf(link) {
  return link.querySelector(".picker-text")?.textContent ?? link.textContent;
}

// Below what opened it, within the window; on a phone the style sheet has it at the bottom.
function place(dialog, opener) {
  const { left, bottom } = opener.getBoundingClientRect();
  dialog.style.left = `${Math.max(12, Math.min(left, innerWidth - dialog.offsetWidth - 12))}px`;
  dialog.style.top = `${Math.max(12, Math.min(bottom + 6, innerHeight - dialog.offsetHeight - 12))}px`;
}

function narrow(dialog, text) {
  const wanted = text.trim().toLowerCase();
  for (const option of dialog.querySelectorAll(".picker-option")) option.hidden = !textOf(option).toLowerCase().includes(wanted);
  for (const group of dialog.querySelectorAll(".picker-group")) group.hidden = !group.querySelector(".picker-option:not([hidden])");
}
