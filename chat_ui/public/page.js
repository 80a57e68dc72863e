// Follow the system's light or dark theme, as the desk's pages do, until the person chooses one.
if (!localStorage.getItem("vite-ui-theme")) localStorage.setItem("vite-ui-theme", "system");

// A page takes a second to open and to connect, and would drop what is typed and sent meanwhile: keep the text over a
// new input field, and press Send as soon as there is one that takes it. An old conversation, once it has come, takes
// the place of all that is shown: nothing is sent before it.
(() => {
  const OPENING_MS = 15000, SENDING_MS = 60000, EVERY_MS = 100;
  const opened = Date.now();
  let typed = "", field = null;
  const input = () => document.getElementById("chat-input");
  const textOf = (one) => (one ? (one.value ?? one.textContent ?? "") : "");
  const isReady = () => {
    const coming = location.pathname.includes("/thread/") && !document.querySelector("[data-step-type]");
    const button = document.getElementById("chat-submit");
    return !coming && button && !button.disabled;
  };

  const send = (event, one) => {
    if (!textOf(one).trim()) return;
    if (isReady()) typed = "";
    else { event.preventDefault(); event.stopImmediatePropagation(); typed = textOf(one); field = one; }
    setTimeout(press, 2 * EVERY_MS, textOf(one), Date.now() + SENDING_MS);
  };
  const press = (text, until) => {
    keep();
    // Sent already, or changed by the person: nothing is left to do.
    if (Date.now() > until || (input() && textOf(input()) !== text)) return;
    if (isReady()) { typed = ""; document.getElementById("chat-submit").click(); }
    else setTimeout(press, EVERY_MS, text, until);
  };
  const keep = () => {
    const now = input();
    if (!now || !field || now === field || !typed || textOf(now)) return;
    const set = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(now), "value")?.set;
    if (set) { set.call(now, typed); now.dispatchEvent(new Event("input", { bubbles: true })); }
    now.focus();
  };

  document.addEventListener("input", (event) => {
    if (event.target.id === "chat-input") { field = event.target; typed = textOf(field); }
  }, true);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.target.id !== "chat-input") return;
    send(event, event.target);
  }, true);
  document.addEventListener("click", (event) => {
    if (event.isTrusted && event.target.closest?.("#chat-submit")) send(event, input());
  }, true);

  const opening = setInterval(() => {
    keep();
    if (Date.now() - opened > OPENING_MS) clearInterval(opening);
  }, EVERY_MS);
})();

// A page that opens on a busy machine may miss the one message that it shows its input field upon, or that signs it in:
// open it again, at most twice.
(() => {
  const PATIENCE_MS = 20000, MOST = 2, KEY = "quantdesk-opened-again";
  const place = location.pathname;
  if (!/^\/chat\/?($|login$|thread\/)/.test(place)) return;
  setTimeout(() => {
    const tries = Number(sessionStorage.getItem(KEY) || 0);
    if (document.getElementById("chat-input") || location.pathname !== place) { sessionStorage.removeItem(KEY); return; }
    if (tries >= MOST) return;
    sessionStorage.setItem(KEY, String(tries + 1));
    if (place.endsWith("/login")) location.replace("/chat/");
    else location.reload();
  }, PATIENCE_MS);
})();
