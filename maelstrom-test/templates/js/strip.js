// A strip: a scrolling list of rows of equal height, one per event. Only rows near the visible part are drawn. Time runs
// downwards, and lanes are side by side under a fixed head. The diagram of messages and the timeline are both strips.

class Strip {
  /**
   * @param {HTMLElement} root the scrolling element
   * @param plan what to draw:
   *   weights() → relative widths of the lanes, rows() → number, timeAt(row) → ns, head(strip), draw(strip, first, last) → markup,
   *   move(step) selects another row, pick(target) handles a click, hint(target, event) shows a tooltip
   */
  constructor(root, plan, { row = 22, laneWidth }) {
    Object.assign(this, { root, plan, rowHeight: row, laneLimits: laneWidth, gutter: 96, top: 14, cursor: -1, first: 0, last: 0 });
    this.head = root.appendChild(element("div", { class: "strip-head" }));
    this.body = root.appendChild(element("div", { class: "strip-body" }));
    this.svg = this.body.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "svg"));
    this.svg.setAttribute("aria-hidden", "true");
    root.addEventListener("scroll", () => { tooltip.hide(); this.refresh(); }, { passive: true });
    root.addEventListener("keydown", (event) => this.onKey(event));
    root.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    this.svg.addEventListener("click", (event) => plan.pick(event.target));
    this.svg.addEventListener("pointermove", (event) => plan.hint(event.target, event));
    this.svg.addEventListener("pointerleave", () => tooltip.hide());
    new ResizeObserver(() => this.layout()).observe(root);
  }

  /** Returns the horizontal centre of a lane. */
  x(lane) {
    return (this.edges[lane] + this.edges[lane + 1]) / 2;
  }

  laneWidth(lane) {
    return this.edges[lane + 1] - this.edges[lane];
  }

  /** Returns the vertical centre of a row. */
  y(row) {
    return this.edge(row + 0.5);
  }

  /** Returns the upper edge of a row. */
  edge(row) {
    return this.top + this.rowHeight * row;
  }

  /** Adapts to a new size or to new rows. */
  layout() {
    const weights = this.plan.weights(), room = this.root.clientWidth;
    const unit = clamp((room - this.gutter - 10) / weights.reduce((sum, weight) => sum + weight, 0), ...this.laneLimits);
    this.edges = [this.gutter];
    for (const weight of weights) this.edges.push(this.edges.at(-1) + weight * unit);
    this.width = Math.max(room, this.edges.at(-1) + 10);
    this.head.style.width = this.body.style.width = `${this.width}px`;
    this.body.style.height = `${this.edge(this.plan.rows()) + 14}px`;
    this.svg.setAttribute("width", this.width);
    this.head.replaceChildren(element("span", { class: "corner" }, "time"));
    this.plan.head(this);
    this.refresh(true);
  }

  visibleRows() {
    const top = this.root.scrollTop - this.top, height = this.root.clientHeight - this.head.offsetHeight;
    return [Math.max(Math.floor(top / this.rowHeight), 0), Math.ceil((top + height) / this.rowHeight)];
  }

  /** Draws the visible rows, and as many above and below them, unless the visible rows are drawn already. */
  refresh(always = false) {
    const rows = this.plan.rows(), [from, to] = this.visibleRows();
    if (!always && from >= this.first && Math.min(to, rows) <= this.last) return;
    const margin = to - from;
    this.first = Math.max(from - margin, 0);
    this.last = Math.min(to + margin, rows);
    const start = this.first === 0 ? 0 : this.edge(this.first);
    this.svg.style.top = `${start}px`;
    this.svg.setAttribute("height", Math.max(this.edge(this.last) - start + 12, 0));
    const cursor = this.cursor < 0 ? "" :
      `<rect class="cursor" x="0" width="${this.width}" y="${this.edge(this.cursor)}" height="${this.rowHeight}"/>`;
    this.svg.innerHTML = `<g transform="translate(0 ${-start})">${cursor}${this.plan.draw(this, this.first, this.last)}</g>`;
  }

  /** Moves the cursor to a row and scrolls to it. */
  goTo(row, { centre = false, lanes = [] } = {}) {
    this.cursor = row;
    if (lanes.length > 0) this.reveal(lanes);
    const [from, to] = this.visibleRows();
    if (centre || row < from + 1 || row > to - 2) {
      this.root.scrollTop = this.y(row) - (this.root.clientHeight - this.head.offsetHeight) / 2;
    }
    this.refresh(true);
  }

  /** Scrolls sideways until these lanes are visible, or the first one if they are too far apart. */
  reveal(lanes) {
    const left = this.edges[Math.min(...lanes)], right = this.edges[Math.max(...lanes) + 1], width = this.root.clientWidth;
    const [from, to] = right - left < width ? [left, right] : [this.edges[lanes[0]], this.edges[lanes[0] + 1]];
    if (from < this.root.scrollLeft) this.root.scrollLeft = from < width / 2 ? 0 : from - 10;
    if (to > this.root.scrollLeft + width) this.root.scrollLeft = to + 10 - width;
  }

  zoom(factor) {
    const height = this.root.clientHeight - this.head.offsetHeight;
    const middle = (this.root.scrollTop + height / 2) / this.rowHeight;
    this.rowHeight = clamp(this.rowHeight * factor, 3, 44);
    this.layout();
    this.root.scrollTop = middle * this.rowHeight - height / 2;
    this.refresh(true);
  }

  onWheel(event) {
    if (!event.ctrlKey) return;
    event.preventDefault();
    this.zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15);
  }

  onKey(event) {
    if (event.target !== this.root || event.ctrlKey || event.metaKey || event.altKey) return;
    const rows = this.plan.rows();
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 20, PageUp: -20, Home: -rows, End: rows };
    if (event.key in steps) this.plan.move(steps[event.key]);
    else if (event.key === "+" || event.key === "=") this.zoom(1.25);
    else if (event.key === "-") this.zoom(0.8);
    else if (!this.plan.key?.(event.key)) return;
    event.preventDefault();
  }

  /** Draws the times at the left, as many as are readable. */
  times(first, last) {
    const every = Math.max(Math.ceil(40 / this.rowHeight), 1);
    let out = "";
    for (let row = Math.ceil(first / every) * every; row < last; row += every) {
      out += `<text class="time" x="12" y="${this.y(row) + 4}">${moment(this.plan.timeAt(row))}</text>`;
    }
    return out;
  }

  /** Returns the first row that is not before a time. */
  rowOf(time) {
    return lowerBound(this.plan.rows(), (row) => this.plan.timeAt(row), time);
  }

  /** Calls `draw` for each visible interval of a fault, with its upper and lower edge. */
  eachFault(faults, first, last, draw) {
    let out = "";
    for (const fault of faults) {
      const from = this.rowOf(fault.start), to = fault.end === null ? this.plan.rows() : this.rowOf(fault.end);
      if (to < first || from > last) continue;
      const top = this.edge(Math.max(from, first - 2)), bottom = this.edge(Math.min(to, last + 2));
      out += draw(fault, top, Math.max(bottom, top + 2), from >= first, fault.end !== null && to <= last);
    }
    return out;
  }

  /** Draws a fault as a band between two edges, with a mark at the left of the strip. */
  band(fault, top, bottom, [left, right], label) {
    const edge = 2 + ["partition", "kill", "pause", "packet", "clock"].indexOf(fault.kind) * 2;
    const height = bottom - top;
    return `<g class="${escape(fault.kind)}"><title>${escape(describe(fault))}</title>`
      + `<rect class="band" x="${left}" width="${right - left}" y="${top}" height="${height}"/>`
      + `<rect class="band-edge" x="${edge}" width="2" y="${top}" height="${height}"/>`
      + (label ? `<text class="band-label" x="${left + 6}" y="${top + 12}">${escape(shorten(label, (right - left) / 6.8))}</text>` : "")
      + "</g>";
  }
}

/** Formats a fault: `partition (majority) {n0 n1} | {n2}, 10.2–19.8 s`. */
function describe(fault) {
  return `${fault.kind} ${fault.what}, ${interval(fault.start, fault.end)}`;
}
