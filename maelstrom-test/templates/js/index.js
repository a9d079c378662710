// The list of runs: filters by verdict, search, and times in the reader's locale.

function list() {
  const rows = [...document.querySelectorAll("#list tbody tr")].map((row) => ({ row, text: row.textContent.toLowerCase(), outcome: row.dataset.outcome }));
  const buttons = [...document.querySelectorAll("[data-outcome][aria-pressed]")];
  const search = $("#r-search");
  const apply = () => {
    const hidden = new Set(buttons.filter((button) => button.getAttribute("aria-pressed") === "false").map((button) => button.dataset.outcome));
    let shown = 0;
    for (const { row, text, outcome } of rows) {
      row.hidden = hidden.has(outcome) || !text.includes(search.value.toLowerCase());
      if (!row.hidden) shown++;
    }
    $(".status").textContent = shown === rows.length ? "" : `${thousands(shown)} of ${thousands(rows.length)} runs`;
  };
  for (const button of buttons) {
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") === "false"));
      apply();
    });
  }
  search.addEventListener("input", apply);
  for (const time of document.querySelectorAll("time[data-seconds]")) {
    time.textContent = new Date(Number(time.dataset.seconds) * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  }
  globalThis.report = {};
}

theme();
list();
