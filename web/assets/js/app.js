// Every page loads this one file. Each module finds what it needs in the page, and does nothing where that is absent.
import "htmx.org";
import { announceChanges } from "./announce.js";
import { drawChart } from "./chart.js";
import { keepFresh } from "./live.js";
import { listenToKeys } from "./keys.js";
import { followLogin } from "./login.js";
import { showPictures } from "./viewer.js";

keepFresh();
listenToKeys();
followLogin();
showPictures();
announceChanges();
drawChart();
document.addEventListener("htmx:after:settle", drawChart);
