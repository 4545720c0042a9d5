// The rendered slices: what is shown at once, and all there is where a browser has no WebGL2.

import { build, element } from "../elements.js";
import { ALONG, AXIS, PLANES } from "./grid.js";

const KEPT = 64; // decoded slices, about a megabyte each
const AHEAD = 4;
const AT_ONCE = 3;

export class Pictures {
  constructor(source, grid) {
    Object.assign(this, { source, grid });
    this.name = "pictures";
    this.cache = new Map();
    this.waiting = new Map();
    this.last = {};
    this.all = PLANES.map((plane) => new Pane(plane, grid));
    this.element = build("div", { class: "pictures" }, this.all.map((pane) => pane.element));
  }

  show(view) {
    this.view = view;
    this.element.dataset.layout = view.layout;
    for (const pane of this.#shown()) this.#fill(pane, view);
  }

  /** The plane and point under a place of this element, in CSS pixels. */
  at(x, y) {
    const pane = this.#shown().find((each) => each.covers(x, y));
    return pane ? pane.at(x, y, this.view) : null;
  }

  place(plane, point) {
    return this.#shown().find((pane) => pane.plane === plane)?.place(point, this.view) ?? null;
  }

  /** The planes that are shown and the boxes they stand in, in CSS pixels. */
  panes() {
    return this.#shown().map((pane) => ({ plane: pane.plane, ...pane.box() }));
  }

  hu(point) {
    return this.source.hu(point);
  }

  close() {
    for (const picture of this.cache.values()) picture.close();
    this.cache.clear();
    this.element.remove();
  }

  #shown() {
    const { layout } = this.view;
    return this.all.filter(({ plane }) => layout === "planes" || layout === plane);
  }

  #fill(pane, view) {
    const index = view.point[AXIS[pane.plane]];
    pane.wanted = this.#key(pane.plane, index, view);
    const kept = this.cache.get(pane.wanted);
    if (kept) pane.draw(kept, view, index);
    else {
      pane.draw(pane.picture, view, null);
      this.#get(pane.plane, index, view).then((picture) => {
        if (picture && pane.wanted === this.#key(pane.plane, index, view)) pane.draw(picture, this.view, index);
      });
    }
    this.#ahead(pane.plane, index, view);
  }

  #key(plane, index, { window, style, opacity }) {
    return `${plane} ${index} ${window} ${style} ${style === "none" ? "" : opacity}`;
  }

  #get(plane, index, view) {
    const key = this.#key(plane, index, view);
    if (!this.waiting.has(key)) {
      const asked = this.source.picture(plane, index, view).then((picture) => this.#keep(key, picture));
      this.waiting.set(key, asked.catch(() => null).finally(() => this.waiting.delete(key)));
    }
    return this.waiting.get(key);
  }

  #keep(key, picture) {
    this.cache.set(key, picture);
    for (const [oldest, left] of this.cache) {
      if (this.cache.size <= KEPT) break;
      this.cache.delete(oldest);
      if (!this.all.some((pane) => pane.picture === left)) left.close();
    }
    return picture;
  }

  // The neighbours on the side that one is going to first, a few at a time: what is asked for now
  // must not wait behind what may be asked for next.
  async #ahead(plane, index, view) {
    const way = Math.sign(index - (this.last[plane] ?? index)) || 1;
    this.last[plane] = index;
    const near = [];
    for (let step = 1; step <= AHEAD; step++) near.push(index + way * step);
    near.push(index - way);
    const there = near.filter((each) => each >= 0 && each < this.grid.shape[AXIS[plane]]);
    const missing = there.filter((each) => !this.cache.has(this.#key(plane, each, view)));
    for (let first = 0; first < missing.length; first += AT_ONCE) {
      if (this.last[plane] !== index || this.view !== view) return;
      await Promise.all(missing.slice(first, first + AT_ONCE).map((each) => this.#get(plane, each, view)));
    }
  }
}

/** One plane's picture on a canvas. */
class Pane {
  constructor(plane, grid) {
    Object.assign(this, { plane, grid });
    this.canvas = element("canvas");
    this.element = build("div", { class: `pane ${plane}` }, this.canvas);
    this.picture = null;
  }

  covers(x, y) {
    const { left, top, width, height } = this.box();
    return x >= left && y >= top && x < left + width && y < top + height;
  }

  /** `index` is the slice that the picture shows; none while an older one stands in. */
  draw(picture, view, index) {
    this.picture = picture;
    this.canvas.toggleAttribute("data-waiting", index === null);
    if (index !== null) this.canvas.dataset.shown = index;
    const scale = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(this.element.clientWidth * scale), Math.round(this.element.clientHeight * scale)];
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const context = this.canvas.getContext("2d", { alpha: false });
    context.fillStyle = "#000";
    context.fillRect(0, 0, width, height);
    if (!picture) return;
    const { left, top, wide, high } = this.#frame(view);
    context.drawImage(picture, left * scale, top * scale, wide * scale, high * scale);
  }

  at(x, y, view) {
    const { left, top } = this.box();
    const frame = this.#frame(view);
    const [down, right] = ALONG[this.plane];
    const point = [...view.point];
    point[down] = (y - top - frame.top) / frame.high * this.grid.shape[down] - 0.5;
    point[right] = (x - left - frame.left) / frame.wide * this.grid.shape[right] - 0.5;
    return { plane: this.plane, point };
  }

  place(point, view) {
    const { left, top } = this.box();
    const frame = this.#frame(view);
    const [down, right] = ALONG[this.plane];
    const across = (point[right] + 0.5) / this.grid.shape[right] * frame.wide;
    return [left + frame.left + across, top + frame.top + (point[down] + 0.5) / this.grid.shape[down] * frame.high];
  }

  box() {
    const { offsetLeft, offsetTop, clientWidth, clientHeight } = this.element;
    return { left: offsetLeft, top: offsetTop, width: clientWidth, height: clientHeight };
  }

  /** Where the picture lies in the pane, as large as fits, then zoomed and moved. */
  #frame({ zoom, pan }) {
    const [down, right] = ALONG[this.plane];
    const { shape, spacing } = this.grid;
    const { width, height } = this.box();
    const [wideMm, highMm] = [shape[right] * spacing[right], shape[down] * spacing[down]];
    const perMm = Math.min(width / wideMm, height / highMm) * zoom;
    const [wide, high] = [wideMm * perMm, highMm * perMm];
    return { wide, high, left: (width - wide) / 2 + pan[right] * perMm, top: (height - high) / 2 + pan[down] * perMm };
  }
}
