// Lines of the nodes' logs, which are rows of the diagram of messages and of the timeline.

class LogLines {
  constructor(data) {
    const { nodes = [], lines = [] } = data.logs ?? {};
    this.list = lines.map(([node, time, before, text], number) => ({ isLog: true, number, node: nodes[node], time, before, text }));
  }

  /** Returns `rows` with the lines in `shown`, each before the first row of which `isAfter(row, line)` is true. */
  merge(rows, shown, isAfter) {
    const merged = [];
    let next = 0, leftOut = 0;
    for (const row of rows) {
      while (next < shown.length && isAfter(row, shown[next])) merged.push(Object.assign(shown[next++], { leftOut }));
      merged.push(row);
      leftOut = row.leftOut;
    }
    for (; next < shown.length; next++) merged.push(Object.assign(shown[next], { leftOut }));
    merged.forEach((row, at) => { row.row = at; });
    return merged;
  }

  /** Draws the lines among the rows, each from `x(line)` to the right edge. */
  draw(strip, order, first, last, x, label, selected) {
    if (strip.rowHeight < 9) return "";
    let out = "";
    for (const line of order.slice(first, last)) {
      if (!line.isLog) continue;
      const left = x(line), room = (strip.width - left - 8) / 6.1;
      out += `<g class="log${line === selected ? " on" : ""}" data-l="${line.number}"><circle cx="${left}" cy="${strip.y(line.row)}" r="2.5"/>`
        + `<text x="${left + 8}" y="${strip.y(line.row) + 3.5}">${escape(shorten(label(line), room))}</text></g>`;
    }
    return out;
  }

  /** Returns the line that an element of the drawing belongs to. */
  target(node) {
    const group = node.closest?.(".log");
    return group ? this.list[group.dataset.l] : null;
  }

  title(line) { return `${line.node} wrote to standard error at ${moment(line.time)}`; }

  detail(line) {
    return [element("h3", {}, `${line.node} wrote to standard error`),
      element("dl", {}, element("dt", {}, "time"), element("dd", {}, moment(line.time))),
      element("pre", { tabindex: "0", "aria-label": "line" }, line.text)];
  }

  /** Connects the button that shows and hides the lines, if there are any. */
  button(bar, act) {
    const button = $("[name=logs]", bar);
    button.hidden = this.list.length === 0;
    button.addEventListener("click", () => {
      const on = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(on));
      act(on);
    });
  }
}
