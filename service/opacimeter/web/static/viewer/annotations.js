// What is drawn over the images whichever way they come: letters, cross, distances, the brush.

import { ALONG, AXIS, distanceMm, LETTERS } from "./grid.js";

const INSET_PX = 12;
const GAP_PX = 14;

const SPACE = "http://www.w3.org/2000/svg";

function shape(name, attributes, text = "") {
  const made = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

export class Annotations {
  constructor(grid, lengthText) {
    Object.assign(this, { grid, lengthText, distances: [], brush: null, outline: null });
    this.element = shape("svg", { class: "annotations", "aria-hidden": "true" });
  }

  /** A distance begins where the pointer went down and ends where it is; the last one is grown. */
  measure(plane, from, to, { begins }) {
    const measured = { plane, from, to, mm: distanceMm(this.grid.mmOf(from), this.grid.mmOf(to)) };
    if (begins) this.distances.push(measured); else this.distances[this.distances.length - 1] = measured;
  }

  clear() {
    this.distances = [];
  }

  /** `crossed`: the cross is shown even where it is no part of the layout. */
  draw(surface, view, { crossed = false } = {}) {
    const panes = view.layout === "render" ? [] : surface.panes();
    const shapes = panes.flatMap((pane) => letters(pane));
    if (view.layout === "planes" || crossed) shapes.push(...panes.flatMap((pane) => cross(pane, surface.place(pane.plane, view.point))));
    for (const measured of this.distances) {
      const axis = AXIS[measured.plane];
      if (Math.round(measured.from[axis]) !== view.point[axis]) continue;
      const ends = [measured.from, measured.to].map((point) => surface.place(measured.plane, point));
      if (ends.every(Boolean)) shapes.push(...this.#distance(ends, measured.mm));
    }
    if (this.brush) shapes.push(...this.#circle(surface));
    if (this.outline) shapes.push(...this.#outline(surface));
    this.element.replaceChildren(...shapes);
  }

  #distance([[x1, y1], [x2, y2]], mm) {
    const text = shape("text", { x: Math.max(x1, x2) + 6, y: x1 > x2 ? y1 : y2, class: "distance" }, this.lengthText(mm));
    return [shape("line", { x1, y1, x2, y2, class: "distance" }), text];
  }

  #circle(surface) {
    const { plane, point, radiusMm } = this.brush;
    const centre = surface.place(plane, point);
    const [, right] = ALONG[plane];
    const edge = [...point];
    edge[right] += radiusMm / this.grid.spacing[right];
    const rim = surface.place(plane, edge);
    return centre && rim ? [shape("circle", { cx: centre[0], cy: centre[1], r: Math.abs(rim[0] - centre[0]), class: "brush" })] : [];
  }

  #outline(surface) {
    const places = this.outline.points.map((point) => surface.place(this.outline.plane, point));
    return [shape("polyline", { points: places.map((place) => place.join(",")).join(" "), class: "brush" })];
  }
}

/** What lies at the top, right, bottom and left: slices are always shown the radiologist's way. */
function letters({ plane, left, top, width, height }) {
  const [middleX, middleY] = [left + width / 2, top + height / 2];
  const places = [[middleX, top + INSET_PX], [left + width - INSET_PX, middleY], [middleX, top + height - INSET_PX], [left + INSET_PX, middleY]];
  return places.map(([x, y], side) => shape("text", { x, y, class: "letter", "data-plane": plane }, LETTERS[plane][side]));
}

function cross({ left, top, width, height }, place) {
  if (!place) return [];
  const [x, y] = place;
  const lines = [[left, y, x - GAP_PX, y], [x + GAP_PX, y, left + width, y], [x, top, x, y - GAP_PX], [x, y + GAP_PX, x, top + height]];
  return lines.map(([x1, y1, x2, y2]) => shape("line", { x1, y1, x2, y2, class: "cross" }));
}
