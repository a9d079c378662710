// The timeline: one track per worker, one bar per operation from invocation to completion.

class Timeline {
  constructor(section, data, showMessages) {
    this.section = section;
    this.faults = data.faults;
    this.showMessages = showMessages;
    this.logs = new LogLines(data);
    this.load(data.operations);
    this.filter = { text: "", kinds: new Set(["ok", "fail", "info"]), f: "", logs: false };
    this.selected = null;
    this.detail = $(".detail", section);
    this.strip = new Strip($(".strip", section), this, { row: 19, laneWidth: [70, 300] });
    this.toolbar();
    this.apply();
    this.showDetail();
  }

  load(data) {
    this.tracks = data.tracks;
    this.entries = data.times.map((time, at) => ({ time, at, row: at }));
    const gaps = new Map(data.gaps);
    // The number of entries that were left out before each entry, over all gaps.
    let leftOut = 0;
    for (const entry of this.entries) entry.leftOut = leftOut += gaps.get(entry.at) ?? 0;
    this.operations = data.list.map(([position, process, track, f, kind, begin, end, argument, result, error, proof], number) => ({
      number, position, process, track, f: data.functions[f], kind: data.kinds[kind], begin, end, argument, result, error, proof,
      start: data.times[begin], stop: end === null ? null : data.times[end], node: data.tracks[track].node,
    }));
    // The ordinal among the operations that began at the same time with requests to the same node.
    const simultaneous = new Map();
    for (const operation of this.operations) {
      const key = `${operation.start} ${operation.node}`;
      operation.ordinal = simultaneous.get(key) ?? 0;
      simultaneous.set(key, operation.ordinal + 1);
    }
    this.byPosition = new Map(this.operations.map((operation) => [operation.position, operation]));
  }

  /** Returns an operation in the form that the diagram of messages expects. */
  find(position) {
    const operation = this.byPosition.get(position);
    return operation && { ...operation, end: operation.stop };
  }

  apply() {
    const { text, kinds, f } = this.filter, wanted = text.toLowerCase();
    const used = new Array(this.entries.length).fill(false);
    let shown = 0, matches = 0;
    for (const operation of this.operations) {
      const kind = operation.kind === "open" ? "info" : operation.kind;
      operation.shown = kinds.has(kind) && (f === "" || operation.f === f);
      operation.match = wanted === "" || `p${operation.process} ${this.label(operation)} ${operation.argument} ${operation.error ?? ""}`.toLowerCase().includes(wanted);
      if (!operation.shown) continue;
      shown++;
      if (operation.match) matches++;
      used[operation.begin] = true;
      if (operation.end !== null) used[operation.end] = true;
    }
    const lines = this.logs.list.filter((line) => this.filter.logs && f === "" && (wanted === "" || line.text.toLowerCase().includes(wanted)));
    this.order = this.logs.merge(this.entries.filter((entry) => used[entry.at]), lines, (entry, line) => entry.time > line.time);
    this.blocks = [];
    for (const operation of this.operations) {
      if (!operation.shown) continue;
      operation.from = this.entries[operation.begin].row;
      operation.to = operation.end === null ? this.order.length - 1 : this.entries[operation.end].row;
      for (let block = operation.from >> 6; block <= operation.to >> 6; block++) (this.blocks[block] ??= []).push(operation);
    }
    const all = this.operations.length;
    $(".status", this.section).textContent =
      `${shown === all ? "" : `${thousands(shown)} of `}${thousands(all)} operations${wanted === "" ? "" : ` · ${thousands(matches)} ${matches === 1 ? "match" : "matches"}`}`;
    this.strip.cursor = this.selected?.shown ? this.selected.from : -1;
    this.strip.layout();
  }

  weights() { return this.tracks.map(() => 1); }
  rows() { return this.order.length; }
  timeAt(row) { return this.order[row].time; }

  head(strip) {
    this.tracks.forEach((track, lane) => {
      const label = element("button", { type: "button", class: "server", disabled: true }, this.trackName(track, strip.laneWidth(lane)));
      label.style.left = `${strip.x(lane)}px`;
      label.style.maxWidth = `${strip.laneWidth(lane)}px`;
      strip.head.append(label);
    });
  }

  trackName(track, width) {
    const name = width < 130 ? track.short : track.name;
    return track.node ? `${name} → ${track.node}` : name;
  }

  draw(strip, first, last) {
    const seen = new Set();
    let bars = "";
    for (let block = first >> 6; block <= last >> 6; block++) {
      for (const operation of this.blocks[block] ?? []) {
        if (!seen.has(operation)) bars += this.bar(strip, operation);
        seen.add(operation);
      }
    }
    const all = [strip.gutter, strip.width - 8];
    const bands = strip.eachFault(this.faults, first, last, (fault, top, bottom) => strip.band(fault, top, bottom, all));
    return bands + strip.times(first, last) + bars + this.gaps(strip, first, last)
      + this.logs.draw(strip, this.order, first, last, () => strip.gutter + 4, (line) => `${line.node}: ${line.text}`);
  }

  /** Marks where entries were left out of the page, and intervals of a second or more without entries. */
  gaps(strip, first, last) {
    let out = "";
    for (let row = Math.max(first, 1); row < last; row++) {
      const before = this.order[row - 1], entry = this.order[row];
      const missing = entry.leftOut - before.leftOut, silence = entry.time - before.time;
      if (missing <= 0 && silence < 1e9) continue;
      const y = strip.edge(row);
      const words = missing > 0 ? `… ${thousands(missing)} entries not shown, ${duration(silence)} …` : `… ${duration(silence)} …`;
      out += `<line class="gap" x1="0" x2="${strip.width}" y1="${y}" y2="${y}"/>`
        + `<text class="gap-label" x="${strip.gutter}" y="${y + 3}">${words}</text>`;
    }
    return out;
  }

  bar(strip, operation) {
    const width = strip.laneWidth(operation.track) - 8, x = strip.x(operation.track) - width / 2;
    const top = strip.edge(operation.from) + 1, height = (operation.to - operation.from + 1) * strip.rowHeight - 2;
    const classes = ["b", operation.kind, operation.proof && "proof", !operation.match && "dim", this.selected === operation && "on"];
    const label = strip.rowHeight < 11 ? "" :
      `<text x="${x + 6}" y="${top + Math.min(height, strip.rowHeight) / 2 + 4}">${escape(shorten(this.label(operation), (width - 10) / 6.7))}</text>`;
    return `<g class="${classes.filter(Boolean).join(" ")}" data-o="${operation.number}"><rect x="${x}" y="${top}" width="${width}" height="${Math.max(height, 2)}" rx="3"/>${label}</g>`;
  }

  label(operation) {
    const value = brief(operation.kind === "ok" ? operation.result ?? operation.argument : operation.argument);
    const end = { ok: "", fail: " ✗", info: " ?", open: " …" }[operation.kind];
    return `${operation.f}${value && ` ${value}`}${end}${operation.error ? ` ${brief(operation.error)}` : ""}`;
  }

  target(node) {
    const group = node.closest?.(".b");
    return group ? this.operations[group.dataset.o] : null;
  }

  pick(node) {
    const operation = this.target(node);
    if (operation) this.select(operation);
  }

  hint(node, event) {
    const operation = this.target(node), line = this.logs.target(node);
    if (line) return tooltip.show(event, this.logs.title(line), line.text);
    if (!operation) return tooltip.hide();
    const lines = this.facts(operation).map(([key, value]) => `${key}: ${value}`);
    tooltip.show(event, `p${operation.process} ${operation.f}`, lines.join("\n"));
  }

  move(step) {
    const shown = this.operations.filter((operation) => operation.shown);
    if (shown.length === 0) return;
    const [row] = this.strip.visibleRows();
    const at = this.selected ? shown.indexOf(this.selected) + step : shown.findIndex((operation) => operation.from >= row);
    this.select(shown[clamp(at, 0, shown.length - 1)]);
  }

  key(key) {
    if (key !== "Enter" || !this.selected) return false;
    this.showMessages(this.find(this.selected.position));
    return true;
  }

  select(operation, { centre = false } = {}) {
    if (!operation.shown) {
      this.filter = { ...this.filter, text: "", kinds: new Set(["ok", "fail", "info"]), f: "" };
      for (const button of this.section.querySelectorAll("[data-kind]")) button.setAttribute("aria-pressed", "true");
      $("[name=search]", this.section).value = $("[name=function]", this.section).value = "";
      this.apply();
    }
    this.selected = operation;
    this.strip.goTo(operation.from, { centre });
    this.showDetail();
  }

  facts(operation) {
    const took = operation.stop === null ? "not completed" : duration(operation.stop - operation.start);
    const outcome = { ok: "ok: it took effect", fail: "fail: it had no effect", info: "info: unknown whether it took effect", open: "not completed: unknown whether it took effect" };
    const facts = [["process", `p${operation.process}${operation.node ? ` → ${operation.node}` : ""}`], ["invoked", moment(operation.start)]];
    if (operation.stop !== null) facts.push(["completed", moment(operation.stop)]);
    facts.push(["duration", took], ["outcome", outcome[operation.kind]], ["argument", operation.argument]);
    if (operation.result !== null && operation.kind === "ok") facts.push(["result", operation.result]);
    // The error of a failed operation is its result: a read of a missing key can be part of a proof.
    if (operation.error !== null) facts.push([operation.kind === "fail" ? "result" : "error", operation.error]);
    return facts;
  }

  showDetail() {
    const operation = this.selected;
    if (!operation) {
      this.detail.replaceChildren(element("p", { class: "quiet" },
        "Select an operation to see its details. Keys in the timeline: ↑ ↓ operations, Enter messages, + − zoom."));
      return;
    }
    this.detail.replaceChildren(
      element("h3", {}, `${operation.f}${operation.proof ? " (part of the proof)" : ""}`),
      element("dl", {}, ...this.facts(operation).flatMap(([key, value]) => [element("dt", {}, key), element("dd", {}, value)])),
      element("div", { class: "row" }, element("button", { type: "button", click: () => this.showMessages(this.find(operation.position)) }, "messages")),
    );
  }

  toolbar() {
    const bar = $(".toolbar", this.section);
    const on = (name, type, act) => $(`[name=${name}]`, bar).addEventListener(type, act);
    on("search", "input", (event) => { this.filter.text = event.target.value; this.apply(); this.firstMatch(); });
    on("function", "change", (event) => { this.filter.f = event.target.value; this.apply(); });
    on("in", "click", () => this.strip.zoom(1.25));
    on("out", "click", () => this.strip.zoom(0.8));
    foldDetails(this.section);
    this.logs.button(bar, (shown) => { this.filter.logs = shown; this.apply(); });
    for (const f of [...new Set(this.operations.map((operation) => operation.f))].sort()) {
      $("[name=function]", bar).append(element("option", { value: f }, f));
    }
    for (const button of bar.querySelectorAll("[data-kind]")) {
      button.addEventListener("click", () => {
        const { kinds } = this.filter, kind = button.dataset.kind;
        kinds.has(kind) ? kinds.delete(kind) : kinds.add(kind);
        button.setAttribute("aria-pressed", String(kinds.has(kind)));
        this.apply();
      });
    }
  }

  firstMatch() {
    const match = this.filter.text !== "" && this.operations.find((operation) => operation.shown && operation.match);
    if (match) this.select(match);
  }
}

/** Formats a value for a bar: `[0,[1,4]]` becomes `0 1 4`, `[["r",5,[1]],["append",6,2]]` becomes `r 5 [1], append 6 2`. */
function brief(json) {
  let value;
  try {
    value = exact(json);
  } catch {
    return json;
  }
  const isText = (part) => typeof part === "string" && part[0] === "s";
  const plain = (part) => (part === null ? "" : isText(part) ? part.slice(1) : written(part));
  if (!Array.isArray(value)) return plain(value);
  if (value.length > 0 && value.every((part) => Array.isArray(part) && isText(part[0]))) {
    return value.map((part) => part.map(plain).filter(Boolean).join(" ")).join(", ");
  }
  const isPair = value.length === 2 && Array.isArray(value[1]) && value[1].length === 2;
  return (isPair ? value.flat() : value).map(plain).filter(Boolean).join(" ");
}
