// The rendered slices: what is shown at once, and all there is where a browser has no WebGL2.

import { build, element } from "../elements.js";
import { ALONG, AXIS, PLANES } from "./grid.js";
import { Requests } from "./requests.js";

const KEPT = 64; // decoded slices, about a megabyte each
const AHEAD = 4;

export class Pictures {
  constructor(source, grid) {
    Object.assign(this, { source, grid, held: false, resting: false });
    this.name = "pictures";
    this.cache = new Map();
    this.all = PLANES.map((plane) => new Pane(plane, grid, new Requests(() => this.#ahead())));
    this.element = build("div", { class: "pictures" }, this.all.map((pane) => pane.element));
    this.closing = new AbortController();
    const on = (name, held) => window.addEventListener(name, () => this.#hold(held), { capture: true, signal: this.closing.signal });
    on("pointerdown", true);
    on("pointerup", false);
    on("pointercancel", false);
  }

  show(view) {
    Object.assign(this, { view, resting: false });
    this.element.dataset.layout = view.layout;
    for (const pane of this.all) if (!this.#shown().includes(pane)) pane.requests.clear();
    for (const pane of this.#shown()) this.#fill(pane, view);
    this.#ahead();
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

  /** Ask for nothing more, as when something else is shown in this place. */
  rest() {
    this.resting = true;
    for (const { requests } of this.all) requests.clear();
  }

  close() {
    this.closing.abort();
    this.rest();
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
    const key = this.#key(pane.plane, index, view);
    if (key !== pane.wanted) pane.near = this.#near(pane, index);
    Object.assign(pane, { wanted: key, index });
    const kept = this.cache.get(key);
    pane.draw(kept ?? pane.picture, view, kept ? index : null);
    if (kept) this.#there(pane, view);
    else pane.requests.want(key, (signal) => this.#get(pane, index, { view, signal, looked: true }));
  }

  /** What is looked at is there: nothing else is waited for but its neighbours. */
  #there({ plane, near, requests }, view) {
    const keys = near.map((index) => this.#key(plane, index, view));
    requests.clear((key) => keys.includes(key));
  }

  #key(plane, index, { window, style, opacity }) {
    return `${plane} ${index} ${window} ${style} ${style === "none" ? "" : opacity}`;
  }

  /** The neighbours, those on the side that one is going to first. */
  #near(pane, index) {
    const way = Math.sign(index - (pane.index ?? index)) || 1;
    const near = Array.from({ length: AHEAD }, (_, step) => index + way * (step + 1));
    return [...near, index - way].filter((each) => each >= 0 && each < this.grid.shape[AXIS[pane.plane]]);
  }

  async #get(pane, index, { view, signal, looked }) {
    try {
      const picture = await this.source.picture(pane.plane, index, view, signal);
      if (this.closing.signal.aborted) picture.close();
      else this.#arrived(pane, index, { view, picture, looked });
    } catch {
      // Given up, or not to be had: then it is not foreseen again.
      if (!signal.aborted) pane.near = pane.near.filter((each) => each !== index);
    }
  }

  #arrived(pane, index, { view, picture, looked }) {
    const key = this.#key(pane.plane, index, view);
    const waits = !this.cache.has(pane.wanted);
    const kept = this.#keep(key, picture);
    if (key === pane.wanted) {
      pane.draw(kept, this.view, index);
      this.#there(pane, view);
    } else if (waits && looked) pane.draw(kept, this.view, null); // nearer than what stands there
  }

  #keep(key, picture) {
    if (this.cache.has(key)) {
      picture.close();
      return this.cache.get(key);
    }
    this.cache.set(key, picture);
    for (const [oldest, left] of this.cache) {
      if (this.cache.size <= KEPT) break;
      this.cache.delete(oldest);
      if (!this.all.some((pane) => pane.picture === left)) left.close();
    }
    return picture;
  }

  #hold(held) {
    this.held = held;
    this.#ahead();
  }

  // What may be looked at next, when all that is looked at is there: it must not wait behind it.
  // While something is dragged nobody knows what that will be.
  #ahead() {
    if (this.held || this.resting || !this.view) return;
    const panes = this.#shown();
    if (!panes.every(({ wanted }) => this.cache.has(wanted))) return;
    for (const pane of panes) {
      const { view } = this;
      for (const index of pane.near) {
        const key = this.#key(pane.plane, index, view);
        if (!this.cache.has(key)) pane.requests.foresee(key, (signal) => this.#get(pane, index, { view, signal, looked: false }));
      }
    }
  }
}

/** One plane's picture on a canvas. */
class Pane {
  constructor(plane, grid, requests) {
    Object.assign(this, { plane, grid, requests, wanted: null, index: null, near: [] });
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
