// Asks the server for what is new, shows it, and asks again: a page that is hidden, paused or slow asks less often.

const PAUSE_MS = 1000; // before the next attempt to connect

/** Follows the session: `seen()` gives what to ask for, `show(content)` shows an answer, `lost()` says that none comes. */
export function follow(path, { seen, show, lost }) {
  const open = () => {
    const socket = new WebSocket(`ws://${location.host}${path}`);
    const ask = () => {
      if (socket.readyState === WebSocket.OPEN) socket.send(String(seen()));
    };
    socket.onopen = ask;
    socket.onmessage = (event) => {
      const content = JSON.parse(event.data);
      requestAnimationFrame(() => {
        show(content);
        ask();
      });
    };
    socket.onclose = () => {
      lost();
      setTimeout(open, PAUSE_MS);
    };
  };
  open();
}

/** Calls a function once an element is there: NiceGUI adds it after the scripts have begun. */
export function whenThere(id, begin) {
  const element = document.getElementById(id);
  if (element) begin(element);
  else setTimeout(() => whenThere(id, begin), 30);
}

/** Returns what the page has been given as JSON. */
export function given(id) {
  return JSON.parse(document.getElementById(id).textContent);
}

/** Sets a text, if it is another one. */
export function say(id, text) {
  const element = document.getElementById(id);
  if (element && element.textContent !== text) element.textContent = text;
}

/** Shows a picture of a movement, if another one is shown; pictures are SVG texts by name. */
export function picture(id, pictures, name) {
  const element = document.getElementById(id);
  if (!element || element.dataset.name === name) return;
  element.dataset.name = name;
  element.innerHTML = pictures[name] || "";
}

// The token has been taken into a cookie: it need not stay in the address, where a screenshot would show it.
if (new URLSearchParams(location.search).has("token")) history.replaceState(null, "", location.pathname);
