// Light or dark colours: those of the system until the button is pressed.

function theme() {
  const button = $("#theme");
  const stored = { get: () => { try { return localStorage.getItem("maelstrom-theme"); } catch { return null; } },
    set: (value) => { try { localStorage.setItem("maelstrom-theme", value); } catch { /* pages from disk may have no storage */ } } };
  const show = (name) => {
    if (name === "light" || name === "dark") document.documentElement.dataset.theme = name;
    const dark = getComputedStyle(document.documentElement).colorScheme === "dark";
    button.textContent = dark ? "☀ light" : "☾ dark";
    button.setAttribute("aria-label", `use ${dark ? "light" : "dark"} colours`);
  };
  show(stored.get());
  button.addEventListener("click", () => {
    const next = getComputedStyle(document.documentElement).colorScheme === "dark" ? "light" : "dark";
    stored.set(next);
    show(next);
  });
}
