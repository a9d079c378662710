// Helper functions. All output of nodes goes through `visible` or `escape` before it is shown.

const $ = (selector, root = document) => root.querySelector(selector);
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** Escapes control characters and characters that reorder or hide others. */
function visible(text) {
  const hex = (character) => `\\u{${character.codePointAt(0).toString(16)}}`;
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g, hex);
}

/** Escapes a text for markup. */
function escape(text) {
  const entities = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return visible(String(text)).replace(/[&<>"']/g, (character) => entities[character]);
}

/** Creates an element with attributes and children. Strings become text. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.map((child) => (typeof child === "string" ? visible(child) : child)));
  return made;
}

/** Connects the button that shows and hides the details of a selection. */
function foldDetails(section) {
  const button = $("[name=details]", section);
  button.addEventListener("click", () => {
    const folded = $(".split", section).classList.toggle("folded");
    button.setAttribute("aria-pressed", String(!folded));
  });
}

const shorten = (text, limit) => (text.length > limit ? `${text.slice(0, Math.max(limit - 1, 0))}…` : text);
const thousands = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, ",");

/** Formats a time in nanoseconds: `12.031 s`. Rounds down, as the text report and pictures do. */
const moment = (nanos) => `${Math.floor(nanos / 1e9)}.${String(Math.floor(nanos / 1e6) % 1000).padStart(3, "0")} s`;

/** Formats an interval: `10.2–19.8 s`. */
function interval(start, end) {
  const tenths = (nanos) => `${Math.floor(nanos / 1e9)}.${Math.floor(nanos / 1e8) % 10}`;
  return end === null ? `from ${tenths(start)} s on` : `${tenths(start)}–${tenths(end)} s`;
}

/** Formats a duration in nanoseconds: `3.2 ms`. */
function duration(nanos) {
  if (nanos === 0) return "0 ms";
  const [value, unit] =
    nanos < 1e3 ? [nanos, "ns"] : nanos < 1e6 ? [nanos / 1e3, "µs"] : nanos < 1e9 ? [nanos / 1e6, "ms"] : [nanos / 1e9, "s"];
  return `${value < 9.95 ? Number(value.toFixed(1)) : Math.round(value)} ${unit}`;
}

/** Whether a text is a list or an object without others inside. Short ones stay on one line. */
function isFlat(text) {
  try {
    return !Object.values(JSON.parse(text)).some((value) => value !== null && typeof value === "object");
  } catch {
    return false;
  }
}

/**
 * Parses JSON without loss. Numbers become strings of the form `n` and digits; strings and keys get the prefix `s`. Otherwise
 * JavaScript would round long numbers and sort keys that are numbers.
 */
function exact(text) {
  const tokens = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;
  return JSON.parse(text.replace(tokens, (token) => (token[0] === '"' ? `"s${token.slice(1)}` : `"n${token}"`)));
}

/** Formats a result of `exact` as JSON. */
function written(value) {
  if (typeof value === "string") return value[0] === "n" ? value.slice(1) : JSON.stringify(value.slice(1));
  if (Array.isArray(value)) return `[${value.map(written).join(",")}]`;
  if (value === null || typeof value !== "object") return String(value);
  return `{${Object.entries(value).map(([key, part]) => `${JSON.stringify(key.slice(1))}:${written(part)}`).join(",")}}`;
}

/** Formats JSON with line breaks. Returns shortened bodies, which are not JSON, unchanged. Numbers keep their digits. */
function pretty(text) {
  try {
    JSON.parse(text);
  } catch {
    return text;
  }
  if (text.length <= 60) return text;
  let out = "", depth = 0, inString = false;
  const newline = () => `\n${"  ".repeat(depth)}`;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (inString) {
      out += character;
      if (character === "\\") out += text[++at];
      else if (character === '"') inString = false;
    } else if (character === '"') {
      inString = true;
      out += character;
    } else if ("{[".includes(character)) {
      const end = text.indexOf(character === "{" ? "}" : "]", at);
      const inner = text.slice(at, end + 1);
      if (end > 0 && inner.length <= 60 && isFlat(inner)) {
        out += inner;
        at = end;
      } else {
        depth++;
        out += character + newline();
      }
    } else if ("}]".includes(character)) {
      depth = Math.max(depth - 1, 0);
      out += newline() + character;
    } else if (character === ",") out += character + newline();
    else if (character === ":") out += ": ";
    else if (!/\s/.test(character)) out += character;
  }
  return out;
}

/** Returns the first position in an ascending list (given by a function) with a value that is not below `wanted`. */
function lowerBound(length, valueAt, wanted) {
  let low = 0, high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (valueAt(middle) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A box beside the pointer. */
const tooltip = {
  box: null,
  show(event, title, text) {
    this.box ??= document.body.appendChild(element("div", { class: "tooltip", "aria-hidden": "true" }));
    this.box.replaceChildren(element("b", {}, title), element("pre", {}, shorten(text, 1200)));
    this.box.hidden = false;
    const { offsetWidth: width, offsetHeight: height } = this.box;
    this.box.style.left = `${clamp(event.clientX + 16, 4, innerWidth - width - 4)}px`;
    const below = event.clientY + 18;
    this.box.style.top = `${below + height > innerHeight ? Math.max(event.clientY - height - 12, 4) : below}px`;
  },
  hide() {
    if (this.box) this.box.hidden = true;
  },
};
