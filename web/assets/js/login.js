// A login that ended while the page was open: the server names the login page in a header, and the browser goes there.
export function followLogin() {
  document.addEventListener("htmx:before:swap", (event) => {
    const response = event.detail.ctx?.response;
    if (response?.status !== 401) return;
    event.preventDefault();
    window.location.reload();
  });
}
