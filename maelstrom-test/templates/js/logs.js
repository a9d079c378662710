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

  /** Draws the lines among the rows, each at the right of `x(line)` if there is room, otherwise at the left. */
  draw(strip, order, first, last, x, label, selected) {
    if (strip.rowHeight < 9) return "";
    let out = "";
    for (const line of order.slice(first, last)) {
      if (!line.isLog) continue;
      const at = x(line), y = strip.y(line.row), text = label(line);
      const right = (strip.width - at - 8) / 6.5, left = (at - strip.gutter) / 6.5;
      const onRight = text.length <= right || right >= Math.min(left, 30);
      const place = onRight ? `x="${at + 8}"` : `x="${at - 8}" text-anchor="end"`;
      out += `<g class="log${line === selected ? " on" : ""}" data-l="${line.number}"><circle cx="${at}" cy="${y}" r="2.5"/>`
        + `<text ${place} y="${y + 3.5}">${escape(shorten(text, onRight ? right : left))}</text></g>`;
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
