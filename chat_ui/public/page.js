// Follow the system's light or dark theme, as the desk's pages do, until the person chooses one.
if (!localStorage.getItem("vite-ui-theme")) localStorage.setItem("vite-ui-theme", "system");

// A page takes a second to open and to connect, and would drop what is typed and sent meanwhile: keep the text over a
// new input field, and press Send as soon as there is one that takes it.
(() => {
  const OPENING_MS = 15000, SENDING_MS = 60000, EVERY_MS = 100;
  const opened = Date.now();
  let typed = "", field = null;
  const input = () => document.getElementById("chat-input");
  const textOf = (one) => (one ? (one.value ?? one.textContent ?? "") : "");

  document.addEventListener("input", (event) => {
    if (event.target.id === "chat-input") { field = event.target; typed = textOf(field); }
  }, true);

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.target.id !== "chat-input") return;
    const text = textOf(event.target);
    if (!text.trim()) return;
    const until = Date.now() + SENDING_MS;
    typed = "";
    const press = () => {
      // Sent already, or changed by the person: nothing is left to do.
      if (textOf(input()) !== text || Date.now() > until) return;
      const button = document.getElementById("chat-submit");
      if (button && !button.disabled) button.click();
      else setTimeout(press, EVERY_MS);
    };
    setTimeout(press, 2 * EVERY_MS);
  }, true);

  const restore = setInterval(() => {
    const now = input();
    if (now && field && now !== field && typed && !textOf(now)) {
      const set = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(now), "value")?.set;
      if (set) { set.call(now, typed); now.dispatchEvent(new Event("input", { bubbles: true })); }
      now.focus();
    }
    if (Date.now() - opened > OPENING_MS) clearInterval(restore);
  }, EVERY_MS);
})();
