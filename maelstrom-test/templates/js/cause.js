// The cause of a failure: arrow keys move between the rows that can be opened.

function causeKeys() {
  const list = $("ol.cause");
  list?.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const rows = [...list.querySelectorAll("summary")], at = rows.indexOf(event.target);
    if (!step || at < 0) return;
    event.preventDefault();
    rows[clamp(at + step, 0, rows.length - 1)].focus();
  });
}
