// A trail: what lies before and behind it is loaded as one scrolls there, and what one reads stays in its place. As many
// chunks are kept as one can see and a bit more; the addresses of the others stand on those that remain.
import htmx from "htmx.org";

const CHUNKS_MAX = 8;
const NEAR_PX = 800;
let busy = false;

export function followTrail() {
  document.addEventListener("scroll", loadNear, { capture: true, passive: true });
  document.addEventListener("htmx:before:swap", (event) => isNews(event) && remember());
  document.addEventListener("htmx:after:swap", (event) => isNews(event) && restore());
  document.addEventListener("click", stayHere);
  loadNear();
}

function isNews(event) {
  return event.target.id === "freshness" || event.detail?.ctx?.sourceElement?.id === "freshness";
}

// In a box that is filled from below 0 is its end, and one scrolls to negative numbers.
function fromEnd(box) {
  const top = box.matches(".trail-begins") ? box.scrollTop - (box.scrollHeight - box.clientHeight) : box.scrollTop;
  return Math.abs(top);
}

function loadNear() {
  const box = document.getElementById("chat");
  if (!box || busy) return;
  const below = fromEnd(box);
  const above = box.scrollHeight - box.clientHeight - below;
  showNewest(box, below);
  if (above < NEAR_PX) load(box, "earlier");
  else if (below < NEAR_PX) load(box, "later");
}

async function load(box, side) {
  const chunks = () => [...box.querySelectorAll(".chunk")];
  const edge = side === "earlier" ? chunks().at(0) : chunks().at(-1);
  const address = edge?.dataset[side];
  if (!address) return;
  busy = true;
  try {
    const response = await fetch(address, { headers: { "HX-Request": "true" } }).catch(() => null);
    if (!response?.ok || !edge.isConnected) return; // the link stays, and leads there
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const chunk = page.querySelector(".chunk");
    for (const part of [...chunk.querySelectorAll("[id]")]) if (document.getElementById(part.id)) part.closest(".bubble, .badge, .failure")?.remove();
    keepPlace(box, () => {
      if (side === "earlier") edge.before(chunk);
      else edge.after(chunk);
      if (chunks().length > CHUNKS_MAX) (side === "earlier" ? chunks().at(-1) : chunks().at(0)).remove();
      join(chunks());
      showLinks(box, chunks());
      if (side === "later") follow(page.getElementById("freshness"));
    });
  } finally {
    busy = false;
  }
  loadNear();
}

// The live dot asks for the last chunk, as long as that is the newest one.
function follow(newer) {
  const dot = document.getElementById("freshness");
  dot.replaceWith(newer);
  htmx.process(newer);
}

// A day that goes on in the next chunk has its name once.
function join(chunks) {
  let last = null;
  for (const day of chunks.flatMap((chunk) => [...chunk.querySelectorAll(".day")])) {
    day.querySelector(".day-name").classList.toggle("day-goes-on", day.dataset.day === last);
    last = day.dataset.day;
  }
}

function showLinks(box, chunks) {
  const addresses = { earlier: chunks.at(0)?.dataset.earlier, later: chunks.at(-1)?.dataset.later };
  for (const [side, address] of Object.entries(addresses)) {
    const link = box.querySelector(`[data-more=${side}]`);
    link.hidden = !address;
    link.querySelector("a").href = address;
    const end = box.querySelector(`[data-end=${side}]`);
    if (end) end.hidden = Boolean(address);
  }
  const dot = document.getElementById("freshness");
  const isNewest = !addresses.later && dot.hasAttribute("hx-get");
  for (const name of ["live", "live-ok"]) dot.classList.toggle(name, isNewest);
}

function showNewest(box, below) {
  const link = document.querySelector(".trail-newest");
  const isNewest = !box.querySelector(".chunk:last-of-type")?.dataset.later;
  link.hidden = isNewest && below < NEAR_PX;
}

let place = null;

function remember() {
  const box = document.getElementById("chat");
  place = null;
  if (!box || fromEnd(box) < 40) return; // who reads the newest goes on doing so
  const top = box.getBoundingClientRect().top;
  const seen = [...box.querySelectorAll(".bubble, .badge, .failure")].find((each) => each.getBoundingClientRect().bottom > top);
  if (seen) place = { id: seen.id, at: seen.getBoundingClientRect().top };
}

function restore() {
  const box = document.getElementById("chat");
  if (!box) return;
  join([...box.querySelectorAll(".chunk")]); // what has come new has the names of its days
  const seen = place && document.getElementById(place.id);
  if (seen) box.scrollTop += seen.getBoundingClientRect().top - place.at;
}

function keepPlace(box, change) {
  const wasAtEnd = fromEnd(box) < 40;
  remember();
  change();
  if (!wasAtEnd || box.matches(".trail-begins")) restore();
}

// A link to another message leads to it at once when it has been loaded; "newest" scrolls when the newest is there.
function stayHere(event) {
  const link = event.target.closest("a");
  if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const box = document.getElementById("chat");
  if (!box) return;
  if (link.matches(".trail-newest") && !box.querySelector(".chunk:last-of-type").dataset.later) {
    event.preventDefault();
    box.scrollTop = box.matches(".trail-begins") ? box.scrollHeight : 0;
    return;
  }
  const about = box.contains(link) && link.hash.startsWith("#e-") && document.getElementById(link.hash.slice(1));
  if (about && link.pathname === location.pathname) {
    event.preventDefault();
    history.replaceState(history.state, "", link.href);
    location.replace(link.hash);
  }
}
