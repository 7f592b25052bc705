// Live pages: requests the page every few seconds while it is visible, and keeps "2 s ago" counting in between.
// A page that has not changed since is answered with nothing: the server knows by the tag of the page that is shown.
const REFRESH_MS = 2000;
const FRESH_S = 3600;
const OPEN = ".popover[open], dialog[open]";
const shown = { address: "", tag: "" };

export function keepLive() {
  setInterval(countUp, 1000);
  setInterval(refresh, REFRESH_MS);
  document.addEventListener("visibilitychange", () => { looks = 1; refresh(); });
  document.addEventListener("click", pause);
  document.addEventListener("htmx:after:settle", pause);
  document.addEventListener("htmx:config:request", (event) => {
    const { request } = event.detail.ctx;
    if (event.target.id === "freshness" && shown.tag && request.action === shown.address) request.headers["If-None-Match"] = shown.tag;
  });
  document.addEventListener("htmx:after:request", (event) => {
    if (event.target.id !== "freshness") return;
    const { request, response } = event.detail.ctx;
    if (response.status === 200) Object.assign(shown, { address: request.action, tag: response.headers.get("ETag") || "" });
    showBroken(response.status >= 500);
  });
  // Who has begun to write meanwhile keeps what is written; the tag is forgotten, since what it stands for is not shown.
  document.addEventListener("htmx:before:swap", (event) => {
    if (event.detail.ctx?.sourceElement?.id !== "freshness" || !document.querySelector(OPEN)) return;
    event.preventDefault();
    shown.tag = "";
  });
  document.addEventListener("htmx:error", (event) => {
    if (event.target.id === "freshness") showBroken(true);
  });
}

let looks = 0;

function refresh() {
  const live = document.querySelector("#freshness.live");
  // An open date picker, an open image or a running request is not interrupted.
  const busy = document.querySelector(`${OPEN}, .htmx-request`) || isHeld();
  // A chat and what happens now are followed as they go; figures and lists are looked at half as often.
  looks += 1;
  if (!live || busy || document.hidden || (looks % 2 && !live.matches("[hx-select], [data-often]"))) return;
  live.dispatchEvent(new CustomEvent("chattrail:refresh"));
}

// What happens now stands still while somebody reads in it, or has said so. The button is told again after a swap: an answer that was
// under way when it was pressed has it as it was.
let isPaused = false;

function isHeld() {
  const button = document.querySelector(".live-pause");
  return button && (isPaused || document.querySelector(".live-list:hover, .live-list:focus-within"));
}

function pause(event) {
  if (event.type === "click" && event.target.closest(".live-pause")) isPaused = !isPaused;
  document.querySelector(".live-pause")?.setAttribute("aria-pressed", isPaused);
}

function showBroken(broken) {
  const live = document.getElementById("freshness");
  if (!live) return;
  live.classList.toggle("live-broken", broken);
  live.classList.toggle("live-ok", !broken);
  if (broken) live.querySelector(".live-time").textContent = live.dataset.broken;
}

function countUp() {
  const time = document.querySelector("#freshness:not(.live-broken) time");
  if (!time) return;
  const seconds = Math.floor((Date.now() - Date.parse(time.dateTime)) / 1000);
  time.closest("#freshness").classList.toggle("live-fresh", seconds < FRESH_S);
  const units = [
    [1, null],
    [60, ["seconds", 1]],
    [3600, ["minutes", 60]],
    [86400, ["hours", 3600]],
  ];
  const found = units.find(([limit]) => seconds < limit);
  if (!found) return; // days do not change while one looks
  const words = found[1] ? time.dataset[`ago${capital(found[1][0])}`] : time.dataset.agoNow;
  const text = words.replace("#", found[1] ? Math.floor(seconds / found[1][1]) : "");
  if (time.textContent !== text) time.textContent = text;
}

function capital(word) {
  return word[0].toUpperCase() + word.slice(1);
}
