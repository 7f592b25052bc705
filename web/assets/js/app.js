// Every page loads this one file. Each module finds what it needs in the page, and does nothing where that is absent.
import "htmx.org";
import { announceChanges } from "./announce.js";
import { drawChart } from "./chart.js";
import { showDetails } from "./details.js";
import { keepLive } from "./live.js";
import { listenToKeys } from "./keys.js";
import { followLogin } from "./login.js";
import { openResults } from "./search.js";
import { followTrail } from "./trail.js";
import { pickFilters } from "./picker.js";
import { closePopovers } from "./popovers.js";
import { showImages } from "./viewer.js";

keepLive();
listenToKeys();
followLogin();
showImages();
showDetails();
followTrail();
openResults();
pickFilters();
closePopovers();
announceChanges();
drawChart();
document.addEventListener("htmx:after:settle", drawChart);
