// Pieces that the parts of the result are built of.

import { build, element } from "../elements.js";

const SVG = "http://www.w3.org/2000/svg";

/** An element of a class with children. */
export const built = (name, className, ...children) => build(name, { class: className || null }, ...children);

export function button(text, act, className = "") {
  const made = element("button", text, className);
  made.type = "button";
  if (act) made.addEventListener("click", act);
  return made;
}

export function link(text, href, className = "") {
  const made = element("a", text, className);
  made.href = href;
  return made;
}

/** A part of the panel with its heading, which the panel's own navigation names. */
export function section(name, title, ...children) {
  const made = built("section", `part part-${name}`, element("h3", title), ...children);
  made.id = `part-${name}`;
  made.firstChild.id = `part-${name}-title`;
  made.setAttribute("aria-labelledby", made.firstChild.id);
  made.tabIndex = -1;
  return made;
}

export function disclosure(title, ...children) {
  return built("details", "", element("summary", title), ...children);
}

/** A table from head texts and rows; the first cell of a row is its header. */
export function table(caption, heads, rows) {
  const made = built("table", "numbers", element("caption", caption, "hidden"));
  const head = built("tr", "", ...heads.map((text) => header(text, "col")));
  made.append(built("thead", "", head), built("tbody", "", ...rows));
  return made;
}

export function header(content, scope) {
  const made = built("th", "", content);
  made.scope = scope;
  return made;
}

export function row(first, cells, className = "") {
  return built("tr", className, header(first, "row"), ...cells.map((cell) => built("td", "", cell)));
}

/** A box that scrolls sideways and can be reached by keyboard. */
export function scroller(label, child) {
  const made = built("div", "scroll", child);
  made.tabIndex = 0;
  made.setAttribute("role", "group");
  made.setAttribute("aria-label", label);
  return made;
}

/** An SVG element; `text` is its text. */
export function drawn(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Round steps from 0 to at least `largest`: at most `count` of them. */
export function ticks(largest, count = 4) {
  if (!(largest > 0)) return [0, 1];
  const rough = largest / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
  return Array.from({ length: Math.ceil(largest / step - 1e-9) + 1 }, (_, place) => place * step);
}
