// The space-time diagram: one vertical line per node or client, one arrow per message.

class Messages {
  constructor(section, data) {
    this.section = section;
    this.faults = data.faults;
    this.duration = data.duration;
    this.hasJournal = data.journal;
    this.matters = data.matters && new Set(data.matters.messages);
    this.isChosen = data.matters?.chosen;
    this.logs = new LogLines(data);
    this.load(data.messages);
    this.filter = { ...this.noFilter(), logs: true };
    this.selected = null;
    this.detail = $(".detail", section);
    this.strip = new Strip($(".strip", section), this, { row: 22, laneWidth: [30, 130] });
    this.toolbar();
    this.apply();
    this.showDetail();
  }

  /** Converts the compact lists of the page into objects. */
  load(data) {
    this.columns = data.columns.map(([name, kind, lane], number) => ({ name, kind, lane, number }));
    this.laneCount = data.lanes;
    this.events = data.events.seq.map((seq, at) => ({ seq, at, time: data.events.time[at], message: data.events.message[at], leftOut: 0 }));
    for (const at of data.events.drops) this.events[at].isDrop = true;
    for (const [at, leftOut] of data.events.gaps) this.events[at].leftOut = leftOut;
    // From here on, `leftOut` is the number of events that were left out before an event, over all gaps.
    for (let at = 1; at < this.events.length; at++) this.events[at].leftOut += this.events[at - 1].leftOut;
    this.messages = data.list.map(([id, src, dest, type, kind, body, cut, msgId, replyTo, delivery, notes], number) => ({
      number, id, src, dest, type: data.types[type], kind: data.classes[kind], body, cut, msgId, replyTo, delivery,
      notes: notes === "" ? [] : notes.split("\n"), sent: -1, received: [], dropped: [],
    }));
    for (const event of this.events) {
      const message = this.messages[event.message];
      event.isSend = message.sent < 0;
      if (event.isSend) message.sent = event.at;
      else (event.isDrop ? message.dropped : message.received).push(event.at);
    }
    for (const message of this.messages) message.ends = [...message.received, ...message.dropped].sort((a, b) => a - b);
    const byName = new Map(this.columns.map((column) => [column.name, column]));
    for (const line of this.logs.list) line.column = byName.get(line.node);
    this.logs.list = this.logs.list.filter((line) => line.column);
    this.logs.list.forEach((line, number) => { line.number = number; });
    // Requests by sender and number, responses by receiver and number: links from one to the other.
    this.requests = new Map();
    this.responses = new Map();
    const index = (map, key, message) => map.has(key) ? map.get(key).push(message) : map.set(key, [message]);
    for (const message of this.messages) {
      if (message.msgId !== null) index(this.requests, `${message.src} ${message.dest} ${message.msgId}`, message);
      if (message.replyTo !== null) index(this.responses, `${message.dest} ${message.src} ${message.replyTo}`, message);
    }
  }

  request(message) {
    const all = message.replyTo === null ? [] : this.requests.get(`${message.dest} ${message.src} ${message.replyTo}`) ?? [];
    return all.findLast((other) => other.sent < message.sent);
  }

  response(message) {
    const all = message.msgId === null ? [] : this.responses.get(`${message.src} ${message.dest} ${message.msgId}`) ?? [];
    return all.find((other) => other.sent > message.sent);
  }

  // --- filters ---------------------------------------------------------------------------------------------------

  noFilter() {
    return { text: "", only: false, columns: new Set(), classes: new Set(["client", "server", "service", "error"]), type: "", from: 0, to: Infinity, past: null, matters: false };
  }

  /** Whether a line of a log is shown, and whether it matches the search. */
  showsLog(line) {
    const { text, only, columns, type, from, to, logs, past } = this.filter;
    line.match = text !== "" && `${line.node} ${line.text}`.toLowerCase().includes(text.toLowerCase());
    return logs && type === "" && (!past || line.before <= (past.reached.get(line.column.number) ?? -1)) && (!only || text === "" || line.match) && (columns.size === 0 || columns.has(line.column.number))
      && line.time >= from && line.time <= to;
  }

  /** Applies the filters, which decide the events that have rows. */
  apply() {
    const { text, only, columns, classes, type, from, to, past, matters } = this.filter;
    const wanted = text.toLowerCase();
    const inTime = (at) => this.events[at].time >= from && this.events[at].time <= to;
    this.matches = [];
    for (const message of this.messages) {
      const names = `${this.columns[message.src].name} ${this.columns[message.dest].name}`;
      message.match = wanted !== "" && `${names} ${message.type} ${message.body}`.toLowerCase().includes(wanted);
      message.shown = classes.has(message.kind) && (!only || wanted === "" || message.match)
        && (columns.size === 0 || columns.has(message.src) || columns.has(message.dest))
        && (type === "" || (type === "\0lost" ? message.delivery === 1 : type === "\0copy" ? message.ends.length > 1 : message.type === type))
        && (!past || past.messages.has(message)) && (!matters || this.matters.has(message.id))
        && (inTime(message.sent) || message.ends.some(inTime));
      if (message.shown && message.match) this.matches.push(message);
    }
    for (const line of this.logs.list) line.shown = this.showsLog(line);
    const lines = this.logs.list.filter((line) => line.shown);
    // A line was written before the next event of the run.
    this.order = this.logs.merge(this.events.filter((event) => this.messages[event.message].shown), lines, (event, line) => event.seq >= line.before);
    this.matches.push(...lines.filter((line) => line.match));
    this.matches.sort((a, b) => this.rowOf(a) - this.rowOf(b));
    this.index();
    const { message, at, line } = this.selected ?? {};
    this.strip.cursor = message?.shown ? this.events[at].row : line?.shown ? line.row : -1;
    this.strip.layout();
    this.status();
  }

  /** Returns the row of a line, or the row in which a message was sent. */
  rowOf(item) {
    return item.isLog ? item.row : this.events[item.sent].row;
  }

  /** Records the messages that cross each block of rows, and the first and last row of each client. */
  index() {
    this.blocks = [];
    for (const column of this.columns) column.rows = null;
    for (const message of this.messages) {
      if (!message.shown) continue;
      const first = this.events[message.sent].row;
      const last = message.ends.length ? this.events[message.ends.at(-1)].row : first + 1;
      for (let block = first >> 6; block <= last >> 6; block++) (this.blocks[block] ??= []).push(message);
      for (const [end, row] of [[message.src, first], [message.dest, last]]) {
        const rows = (this.columns[end].rows ??= [row, row]);
        rows[0] = Math.min(rows[0], row);
        rows[1] = Math.max(rows[1], row);
      }
    }
  }

  /** Returns the widths of lanes. Clients need less than nodes, because most labels are between nodes. */
  weights() {
    const weights = new Array(this.laneCount).fill(1);
    // The filters may leave a node without messages.
    for (const { lane, kind, rows } of this.columns) weights[lane] = { client: 0.6, server: rows ? 1.5 : 0.35, service: rows ? 1.2 : 0.35 }[kind];
    return weights;
  }

  rows() { return this.order.length; }
  timeAt(row) { return this.order[row].time; }

  head(strip) {
    const byLane = new Map();
    for (const column of this.columns) byLane.set(column.lane, [...(byLane.get(column.lane) ?? []), column]);
    for (const [lane, columns] of byLane) {
      const pressed = columns.some((column) => this.filter.columns.has(column.number));
      const button = element("button", {
        class: columns[0].kind, type: "button", "aria-pressed": String(pressed),
        title: `only messages from and to ${shorten(columns.map((column) => column.name).join(", "), 200)}`,
        click: () => this.toggleColumns(columns),
      }, columns.length > 1 && strip.laneWidth(lane) > 50 ? `${columns[0].name} …` : columns[0].name);
      button.style.left = `${strip.x(lane)}px`;
      button.style.maxWidth = `${strip.laneWidth(lane)}px`;
      strip.head.append(button);
    }
  }

  toggleColumns(columns) {
    const { columns: chosen } = this.filter;
    const on = columns.some((column) => chosen.has(column.number));
    for (const column of columns) on ? chosen.delete(column.number) : chosen.add(column.number);
    this.apply();
  }

  // --- drawing ---------------------------------------------------------------------------------------------------

  draw(strip, first, last) {
    const seen = new Set();
    // Lost messages are drawn last, so that nothing hides their crosses.
    let arrows = "", lost = "";
    for (let block = first >> 6; block <= last >> 6; block++) {
      for (const message of this.blocks[block] ?? []) {
        if (seen.has(message)) continue;
        seen.add(message);
        isLost(message) ? lost += this.arrow(strip, message) : arrows += this.arrow(strip, message);
      }
    }
    return this.bands(strip, first, last) + this.lines(strip, first, last) + this.lives(strip, first, last)
      + this.gaps(strip, first, last) + strip.times(first, last) + arrows
      + this.logs.draw(strip, this.order, first, last, (line) => strip.x(line.column.lane), (line) => line.text, this.selected?.line)
      + lost;
  }

  /** Draws faults of the network as bands over all nodes, and faults of single nodes as bands over these. */
  bands(strip, first, last) {
    const lanes = this.columns.filter((column) => column.kind === "server").map((column) => column.lane);
    if (lanes.length === 0) return "";
    const extent = (lane) => [strip.edges[lane], strip.edges[lane + 1]];
    const all = [strip.edges[Math.min(...lanes)], strip.edges[Math.max(...lanes) + 1]];
    return strip.eachFault(this.faults, first, last, (fault, top, bottom, begins) => {
      if (fault.nodes.length === 0) return strip.band(fault, top, bottom, all, begins && `${fault.kind} ${fault.what}`);
      const hit = this.columns.filter((column) => fault.nodes.includes(column.name));
      return hit.map((column) => strip.band(fault, top, bottom, extent(column.lane))).join("");
    });
  }

  /** Draws the line of each node, and of each client from its first to its last message. */
  lines(strip, first, last) {
    let out = "";
    for (const column of this.columns) {
      const isClient = column.kind === "client";
      if (isClient && !column.rows) continue;
      const from = isClient ? column.rows[0] - 0.4 : -0.5, to = isClient ? column.rows[1] + 0.4 : this.rows();
      if (to < first || from > last) continue;
      const x = strip.x(column.lane), top = strip.y(Math.max(from, first - 1)), bottom = strip.y(Math.min(to, last + 1));
      out += `<line class="lane ${column.kind}" x1="${x}" x2="${x}" y1="${top}" y2="${bottom}"/>`;
      if (isClient && from > 12 && from >= first && strip.rowHeight > 9) {
        out += `<text class="client" fill="var(--client)" x="${x}" y="${top - 3}" text-anchor="middle">${escape(column.name)}</text>`;
      }
    }
    return out;
  }

  /** Marks on the lines of nodes where they were killed, started, paused and resumed. */
  lives(strip, first, last) {
    const words = { kill: ["✕ killed", "▶ started"], pause: ["‖ paused", "▶ resumed"] };
    const faults = this.faults.filter((fault) => fault.kind in words);
    return strip.eachFault(faults, first, last, (fault, top, bottom, begins, ends) => {
      let out = "";
      for (const column of this.columns.filter((column) => fault.nodes.includes(column.name))) {
        const x = strip.x(column.lane), line = `x1="${x}" x2="${x}" y1="${top}" y2="${bottom}"`;
        out += fault.kind === "kill" ? `<line class="down" ${line}/><line class="down-dash" ${line}/>` : `<line class="paused" ${line}/>`;
        const word = (number) => words[fault.kind][number].slice(0, strip.laneWidth(column.lane) > 90 ? undefined : 1);
        // At the right edge, the label must be on the left.
        const place = x + 80 > strip.width ? `x="${x - 7}" text-anchor="end"` : `x="${x + 7}"`;
        const label = (number, y) => `<text class="life ${fault.kind}" ${place} y="${y}">${word(number)}</text>`;
        if (begins) out += label(0, top + 4);
        if (ends) out += label(1, bottom + 4);
      }
      return out;
    });
  }

  /** Marks where events were left out of the page. */
  gaps(strip, first, last) {
    let out = "";
    for (let row = Math.max(first, 1); row < last; row++) {
      const before = this.order[row - 1], missing = this.order[row].leftOut - before.leftOut;
      if (missing <= 0) continue;
      const y = strip.edge(row);
      out += `<line class="gap" x1="0" x2="${strip.width}" y1="${y}" y2="${y}"/>`
        + `<text class="gap-label" x="${strip.gutter}" y="${y + 3}">… ${thousands(missing)} events not shown …</text>`;
    }
    return out;
  }

  arrow(strip, message) {
    const x1 = strip.x(this.columns[message.src].lane), x2 = strip.x(this.columns[message.dest].lane);
    const y1 = strip.y(this.events[message.sent].row);
    let out = "", crosses = "";
    message.received.forEach((at, copy) => {
      out += line(x1, y1, x2, strip.y(this.events[at].row), copy > 0 ? "copy" : "");
    });
    const stub = (x, y, fade, cross) => {
      out += `<path class="hit" d="M${x1} ${y1}L${x} ${y}"/><path class="${fade ? "fade" : ""}" d="M${x1} ${y1}L${x} ${y}"/>`;
      if (cross) crosses += `<path class="cross" d="M${x - 4} ${y - 4}l8 8m0-8l-8 8"/>`;
    };
    // The arrow of a dropped copy ends shortly before its destination.
    for (const at of message.dropped) stub(x1 + (x2 - x1) * 0.85, strip.y(this.events[at].row), false, true);
    if (message.ends.length === 0) stub((x1 + x2) / 2, y1 + strip.rowHeight * 0.75, message.delivery === 2, message.delivery === 1);
    const room = (Math.abs(x2 - x1) || strip.laneWidth(this.columns[message.src].lane)) - 22;
    if (strip.rowHeight >= 13 && room > 30) {
      const right = x2 >= x1;
      out += `<text x="${x1 + (right ? 9 : -9)}" y="${y1 - 3.5}" text-anchor="${right ? "start" : "end"}">${escape(shorten(this.label(message), room / 6.7))}</text>`;
    }
    const lost = isLost(message) ? " lost" : "";
    const dim = this.filter.text !== "" && !message.match ? " dim" : "";
    const on = this.selected?.message === message ? " on" : "";
    return `<g class="m ${message.kind}${lost}${dim}${on}" data-m="${message.number}">${out}${crosses}</g>`;
  }

  /** Returns the type and the other keys of the body, shortened. */
  label(message) {
    if (message.label === undefined) {
      let rest = "";
      try {
        const { stype, smsg_id, sin_reply_to, ...others } = exact(message.body);
        rest = Object.entries(others).map(([key, value]) => `${key.slice(1)} ${written(value)}`).join(", ");
      } catch { /* a shortened body */ }
      message.label = `${message.type || "(no type)"}${rest && ` ${shorten(rest, 80)}`}`;
    }
    return message.label;
  }

  // --- selection -------------------------------------------------------------------------------------------------

  target(node) {
    const group = node.closest?.(".m");
    return group ? this.messages[group.dataset.m] : null;
  }

  pick(node) {
    const item = this.target(node) ?? this.logs.target(node);
    if (item) this.select(item);
  }

  hint(node, event) {
    const message = this.target(node), line = this.logs.target(node);
    if (line) return tooltip.show(event, this.logs.title(line), line.text);
    if (!message) return tooltip.hide();
    tooltip.show(event, this.title(message), `${this.delivery(message)}\n${pretty(message.body)}`);
  }

  /** Moves the cursor by a number of rows. */
  move(step) {
    if (this.rows() === 0) return;
    const from = this.strip.cursor < 0 ? this.strip.visibleRows()[0] - Math.sign(step) : this.strip.cursor;
    const event = this.order[clamp(from + step, 0, this.rows() - 1)];
    event.isLog ? this.select(event) : this.select(this.messages[event.message], event.at);
  }

  key(key) {
    const message = this.selected?.message;
    if (key === "n" || key === "N") this.nextMatch(key === "n" ? 1 : -1);
    else if (message && (key === "ArrowLeft" || key === "ArrowRight")) this.otherEnd();
    else if (message && key === "r") this.select(this.request(message) ?? this.response(message) ?? message);
    else if (key === "Escape") this.deselect();
    else return false;
    return true;
  }

  otherEnd() {
    const { message, at } = this.selected;
    const ends = [message.sent, ...message.ends];
    this.select(message, ends[(ends.indexOf(at) + 1) % ends.length]);
  }

  /** Selects an event of a message, or a line of a log. */
  select(item, at = item.sent, { centre = false } = {}) {
    if (!item.shown) this.reset();
    this.selected = item.isLog ? { line: item } : { message: item, at };
    const ends = item.isLog ? [item.column.lane] : [item.src, item.dest].map((column) => this.columns[column].lane);
    this.strip.goTo(item.isLog ? item.row : this.events[at].row, { centre, lanes: ends });
    this.showDetail();
  }

  deselect() {
    this.selected = null;
    this.strip.cursor = -1;
    this.strip.refresh(true);
    this.showDetail();
  }

  title(message) {
    return `${this.columns[message.src].name} → ${this.columns[message.dest].name}  ${message.type}`;
  }

  /** Describes the delivery of a message. */
  delivery(message) {
    const sent = this.events[message.sent].time;
    const after = message.received.map((at) => duration(this.events[at].time - sent));
    const parts = after.length > 1 ? [`received ${after.length} times, after ${after.join(" and ")}`]
      : after.length > 0 ? [`received after ${after[0]}`]
      : message.delivery === 2 ? ["no event on this page shows its delivery"] : [];
    return [...parts, ...message.notes].join("; ");
  }

  showDetail() {
    if (!this.selected) {
      this.detail.replaceChildren(element("p", { class: "quiet" },
        "Select a message to see its details. Keys in the diagram: ↑ ↓ events, ← → other end of the message, r request or response, n next match, + − zoom."));
      return;
    }
    const { message, at, line } = this.selected;
    if (line) return this.detail.replaceChildren(...this.logs.detail(line));
    const event = this.events[at];
    const facts = [["message", String(message.id)], ["sent", moment(this.events[message.sent].time)]];
    for (const end of message.received) facts.push(["received", moment(this.events[end].time)]);
    for (const end of message.dropped) facts.push(["dropped", moment(this.events[end].time)]);
    const kind = event.isSend ? "send" : event.isDrop ? "drop" : "recv";
    facts.push(["delivery", this.delivery(message)], ["event", `${thousands(event.seq)} (${kind})`]);
    const jump = (label, other) => other && element("button", { type: "button", click: () => this.select(other) }, label);
    const buttons = [jump("← request", this.request(message)), jump("response →", this.response(message))].filter(Boolean);
    buttons.push(element("button", { type: "button", title: "only messages that were received before this event, by its node or on the way to it",
      click: () => this.showPast(at) }, "everything that caused this"));
    this.detail.replaceChildren(
      element("h3", {}, this.title(message)),
      element("dl", {}, ...facts.flatMap(([key, value]) => [element("dt", {}, key), element("dd", {}, value)])),
      element("pre", { tabindex: "0", "aria-label": "body" }, pretty(message.body) + (message.cut ? `…\n(${thousands(message.cut)} more bytes${this.hasJournal ? " in messages.jsonl" : ""})` : "")),
      element("div", { class: "row" }, ...buttons),
    );
  }

  /**
   * Selects the first request of an operation: the message that a client sent to the node of the operation at the time of its
   * invocation. If there are several, `ordinal` selects one: both lists have the same order.
   */
  showOperation(operation) {
    const from = lowerBound(this.events.length, (at) => this.events[at].time, operation.start);
    let ordinal = operation.ordinal;
    for (let at = from; at < this.events.length && this.events[at].time === operation.start; at++) {
      const event = this.events[at], message = this.messages[event.message];
      const fits = event.isSend && this.columns[message.src].kind === "client"
        && (operation.node === null || this.columns[message.dest].name === operation.node);
      if (fits && ordinal-- === 0) return this.select(message, at, { centre: true }), true;
    }
    this.missing(operation);
    return false;
  }

  /** Shows only the causal past of an event. */
  showPast(at) {
    this.filter.past = causalPast(this, at);
    this.apply();
    this.strip.goTo(this.events[at].row, { centre: true });
  }

  /** Shows that a message is not among the events of the page. */
  absent(id) {
    this.deselect();
    this.detail.replaceChildren(element("p", {},
      `Message ${id} is not among the events on this page.${this.hasJournal ? " It is in messages.jsonl." : ""}`));
  }

  /** Shows that the request of an operation is not among the events of the page. */
  missing(operation) {
    this.deselect();
    this.detail.replaceChildren(element("p", {},
      `The request of p${operation.process} at ${moment(operation.start)} is not among the events on this page.${this.hasJournal ? " It is in messages.jsonl." : ""}`));
  }

  // --- controls --------------------------------------------------------------------------------------------------

  toolbar() {
    const bar = $(".toolbar", this.section);
    const on = (name, type, act) => $(`[name=${name}]`, bar).addEventListener(type, act);
    on("search", "input", (event) => { this.filter.text = event.target.value; this.apply(); this.nearestMatch(); });
    on("search", "keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); this.nextMatch(event.shiftKey ? -1 : 1); } });
    on("only", "change", (event) => { this.filter.only = event.target.checked; this.apply(); });
    on("previous", "click", () => this.nextMatch(-1));
    on("next", "click", () => this.nextMatch(1));
    on("type", "change", (event) => { this.filter.type = event.target.value; this.apply(); });
    const seconds = (text, otherwise) => (text === "" || isNaN(text) ? otherwise : Number(text) * 1e9);
    on("from", "input", (event) => { this.filter.from = seconds(event.target.value, 0); this.apply(); });
    on("to", "input", (event) => { this.filter.to = seconds(event.target.value, Infinity); this.apply(); });
    on("in", "click", () => this.strip.zoom(1.25));
    on("out", "click", () => this.strip.zoom(0.8));
    on("reset", "click", () => this.reset());
    on("past", "click", () => { this.filter.past = null; this.apply(); });
    on("matters", "click", () => { this.filter.matters = !this.filter.matters; this.apply(); });
    $("[name=matters]", bar).hidden = !this.matters;
    if (this.isChosen) Object.assign($("[name=matters]", bar), { textContent: "in the table", title: "only the messages in the table of the cause" });
    for (const button of bar.querySelectorAll("[data-class]")) {
      button.addEventListener("click", () => {
        const { classes } = this.filter, name = button.dataset.class;
        classes.has(name) ? classes.delete(name) : classes.add(name);
        button.setAttribute("aria-pressed", String(classes.has(name)));
        this.apply();
      });
    }
    foldDetails(this.section);
    this.logs.button(bar, (shown) => { this.filter.logs = shown; this.apply(); });
    this.types($("[name=type]", bar));
  }

  types(select) {
    const counts = new Map();
    for (const message of this.messages) counts.set(message.type, (counts.get(message.type) ?? 0) + 1);
    const option = (value, label) => select.append(element("option", { value }, label));
    const lost = this.messages.filter((message) => message.delivery === 1).length;
    const copied = this.messages.filter((message) => message.ends.length > 1).length;
    if (lost) option("\0lost", `never received (${thousands(lost)})`);
    if (copied) option("\0copy", `duplicated (${thousands(copied)})`);
    for (const [type, count] of [...counts].sort(([a], [b]) => (a < b ? -1 : 1))) option(type, `${type || "(no type)"} (${thousands(count)})`);
  }

  reset() {
    const bar = $(".toolbar", this.section);
    this.filter = { ...this.noFilter(), logs: true };
    $("[name=logs]", bar).setAttribute("aria-pressed", "true");
    for (const input of bar.querySelectorAll("input")) input.type === "checkbox" ? (input.checked = false) : (input.value = "");
    $("[name=type]", bar).value = "";
    for (const button of bar.querySelectorAll("[data-class]")) button.setAttribute("aria-pressed", "true");
    this.apply();
  }

  /** Shows the numbers of visible messages and of matches. */
  status() {
    const shown = this.messages.filter((message) => message.shown).length, all = this.messages.length;
    const parts = [shown === all ? `${thousands(all)} messages` : `${thousands(shown)} of ${thousands(all)} messages`];
    if (this.filter.text !== "") {
      const at = this.matches.indexOf(this.selected?.line ?? this.selected?.message);
      parts.push(`${at < 0 ? "" : `${thousands(at + 1)} of `}${thousands(this.matches.length)} ${this.matches.length === 1 ? "match" : "matches"}`);
    }
    $("[name=past]", this.section).hidden = !this.filter.past;
    $("[name=matters]", this.section).setAttribute("aria-pressed", String(this.filter.matters));
    $(".status", this.section).textContent = parts.join(" · ");
    for (const name of ["previous", "next"]) $(`[name=${name}]`, this.section).disabled = this.matches.length === 0;
  }

  /** Selects the first match in or after the visible part. Called while a search text is typed. */
  nearestMatch() {
    if (this.matches.length === 0) return;
    const [from] = this.strip.visibleRows();
    const match = this.matches.find((item) => this.rowOf(item) >= from) ?? this.matches[0];
    this.select(match);
    this.status();
  }

  nextMatch(step) {
    if (this.matches.length === 0) return;
    const at = this.matches.indexOf(this.selected?.line ?? this.selected?.message);
    const next = at < 0 ? (step > 0 ? 0 : -1) : at + step;
    this.select(this.matches.at(next % this.matches.length), undefined, { centre: true });
    this.status();
  }
}

/** Whether no copy of a message was received, or a copy was dropped. */
function isLost(message) {
  return message.delivery === 1 || message.dropped.length > 0;
}

/** Draws an arrow with its tip, and a wider invisible line for the pointer. */
function line(x1, y1, x2, y2, kind) {
  const path = x1 === x2 ? `M${x1} ${y1}C${x1 + 38} ${y1} ${x1 + 38} ${y2} ${x2} ${y2}` : `M${x1} ${y1}L${x2} ${y2}`;
  const angle = x1 === x2 ? Math.PI : Math.atan2(y2 - y1, x2 - x1);
  const wing = (turn) => `${(x2 - 8 * Math.cos(angle + turn)).toFixed(1)} ${(y2 - 8 * Math.sin(angle + turn)).toFixed(1)}`;
  return `<path class="hit" d="${path}"/><path class="${kind}" d="${path}"/><path class="tip" d="M${x2} ${y2}L${wing(0.38)}L${wing(-0.38)}z"/>`;
}
