// What a drag over the images means and does.

import { ALONG } from "./grid.js";

const WIDTH_A_PIXEL_HU = 4;
const CENTRE_A_PIXEL_HU = 2;
const SCROLL_PX = 12;

export class Gestures {
  constructor(desk) {
    this.desk = desk;
  }

  get view() {
    return this.desk.view;
  }

  at(x, y) {
    return this.desk.at(x, y);
  }

  activate(plane) {
    this.desk.activate(plane);
  }

  step(by) {
    this.desk.step(by);
  }

  zoom(by) {
    this.desk.zoom(by);
  }

  /** What a plain drag over a plane does. */
  tool() {
    if (this.desk.brush.painting) return "paint";
    return this.desk.measures ? "measure" : "cross";
  }

  begins({ what }, at) {
    const { annotations, brush } = this.desk;
    if (what === "cross") this.desk.goTo(at.point);
    if (what === "measure") annotations.measure(at.plane, at.point, at.point, { begins: true });
    if (what === "paint") brush.begin(at);
    this.desk.refreshed();
  }

  goesOn({ what, at: from }, { by, at }) {
    const { annotations, brush } = this.desk;
    if (what === "window") this.#window(by);
    if (what === "pan" && from) this.#pan(from.plane, by);
    if (what === "turn") this.desk.surfaces.volume.turn(...by);
    if (what === "scroll") this.desk.step(Math.sign(by[1]) * Math.ceil(Math.abs(by[1]) / SCROLL_PX));
    if (!at) return;
    if (what === "cross") this.desk.goTo(at.point);
    if (what === "measure") annotations.measure(at.plane, annotations.distances.at(-1).from, at.point, { begins: false });
    if (what === "paint") brush.move(at);
    this.desk.annotate();
  }

  ends({ what }) {
    if (what === "paint") this.desk.brush.end();
  }

  /** The pointer is at a place of the stage, over a point of a plane or over none. */
  under(at, place) {
    const { annotations, brush, readout } = this.desk;
    if (brush.painting) {
      annotations.brush = at && !brush.chosen.filled ? { ...at, radiusMm: brush.chosen.radiusMm } : null;
      this.desk.annotate();
    }
    readout.pointer(place);
  }

  #window([x, y]) {
    const [centre, width] = this.view.window;
    this.desk.window([centre + CENTRE_A_PIXEL_HU * y, Math.max(width + WIDTH_A_PIXEL_HU * x, 1)]);
  }

  #pan(plane, [x, y]) {
    const [down, right] = ALONG[plane];
    const pixelMm = this.#pixelMm(plane, right);
    const pan = [...this.view.pan];
    pan[down] += y * pixelMm;
    pan[right] += x * pixelMm;
    this.desk.look({ pan });
  }

  #pixelMm(plane, right) {
    const { grid, surfaces: { current } } = this.desk;
    const beside = [...this.view.point];
    beside[right] += 1;
    const [one, other] = [this.view.point, beside].map((point) => current.place(plane, point));
    return grid.spacing[right] / Math.abs(other[0] - one[0]);
  }
}
