// What one looks at, and all that changes it: the controller between hands, controls and images.

import { build, number } from "../elements.js";
import { t } from "../language.js";
import { Annotations } from "./annotations.js";
import { Brush } from "./brush.js";
import { Controls, LAYOUTS, WINDOWS } from "./controls.js";
import { AXIS, Grid } from "./grid.js";
import { Gestures } from "./gestures.js";
import { Hands } from "./hands.js";
import { showHelp } from "./help.js";
import { keyed, keyedElsewhere } from "./keys.js";
import { Readout } from "./readout.js";
import { Source } from "./source.js";
import { startOf } from "./start.js";
import { Surfaces } from "./surfaces.js";

const MOST_ZOOM = 16;

export class Desk {
  constructor(container, assessment, { second }) {
    Object.assign(this, { container, assessment, second, grid: null, surfaces: null, plane: "axial", measures: false });
    this.lesions = assessment.lesions ?? [];
    this.sliceListeners = new Set();
    this.zListeners = new Set();
    this.view = { point: [0, 0, 0], window: WINDOWS.lung, style: "contours", opacity: 1, layout: second ? "axial" : "planes", zoom: 1, pan: [0, 0, 0] };
    this.source = new Source(assessment);
    this.brush = new Brush(this);
    this.controls = new Controls(this);
    this.readout = new Readout(this);
    this.stage = build("div", { class: "viewer-stage", tabindex: 0, role: "group", "aria-label": t("viewer.images") });
    this.root = build("div", { class: second ? "viewer second" : "viewer" }, this.controls.bar, this.stage, this.controls.foot);
    this.root.addEventListener("keydown", (event) => this.grid && keyed(event, this));
    container.replaceChildren(this.root);
    this.worded = () => this.#reword();
    document.addEventListener("languagechanged", this.worded);
    this.elsewhere = (event) => this.grid && keyedElsewhere(event, this);
    if (!second) document.addEventListener("keydown", this.elsewhere);
    this.ready = this.#begin();
    this.ready.catch((error) => { if (error.name !== "AbortError") this.controls.say(t("viewer.failed")); });
  }

  /** Once the images' grid is known. */
  when(act) {
    this.ready.then(() => this.closed || act(), () => {});
  }

  async #begin() {
    const { slice: first, mm } = startOf(this.assessment);
    // Asked for before its grid is known: the browser keeps it, so it is there when it is drawn.
    this.source.picture("axial", first, this.view).then((picture) => picture.close(), () => {});
    this.grid = new Grid(await this.source.grid());
    const [, rows, columns] = mm ? this.grid.pointOf(mm) : this.grid.shape.map((size) => size / 2);
    this.view.point = this.grid.inside([first, rows, columns]);
    const told = {
      changed: () => this.refreshed(), view: () => this.view, lost: () => this.controls.say(t("viewer.lost")),
      progress: (part) => this.controls.say(part === null ? "" : t("viewer.loading", { percent: Math.floor(100 * part) })),
    };
    this.surfaces = new Surfaces(this.stage, { source: this.source, grid: this.grid, told });
    this.annotations = new Annotations(this.grid, (mm) => t("viewer.mm", { mm: number(mm, 1) }));
    this.stage.append(this.annotations.element);
    this.stage.dataset.surface = "pictures";
    this.hands = new Hands(this.stage, new Gestures(this));
    this.#show();
    if (!this.second) requestIdleCallback(() => this.surfaces.improve().catch((error) => this.#failed(error)));
  }

  #failed(error) {
    if (this.closed || error.name === "AbortError") return;
    console.error(error);
    this.controls.say(t("viewer.volume-failed"));
  }

  // --- where ---------------------------------------------------------------------------------

  goTo(point) {
    const before = this.view.point;
    this.look({ point: this.grid.inside(point) });
    if (before[0] === this.view.point[0]) return;
    for (const listener of this.sliceListeners) listener(this.view.point[0]);
    for (const listener of this.zListeners) listener(this.z());
  }

  goToSlice(index) {
    this.goTo([index, ...this.view.point.slice(1)]);
  }

  /** The axial slice nearest to a height in mm. */
  goToZ(mm) {
    const here = this.grid.mmOf(this.view.point);
    this.goToSlice(this.grid.pointOf([here[0], here[1], mm])[0]);
  }

  z() {
    return this.grid.mmOf(this.view.point)[2];
  }

  /** To the largest lesion of a zone, or its middle where there is none. */
  goToZone(name) {
    const lesion = this.lesions.findIndex(({ region }) => region === name);
    if (lesion >= 0) this.#toLesion(lesion);
    else if (this.grid.zones[name]) this.goTo(this.grid.zones[name]);
  }

  lungTopMm() {
    const { profile } = this.assessment;
    return (profile?.find(({ lung_cm2 }) => lung_cm2 > 0) ?? profile?.[0])?.position_mm ?? this.grid.mmOf([0, 0, 0])[2];
  }

  step(by) {
    const axis = AXIS[this.plane];
    const point = [...this.view.point];
    point[axis] = Math.min(Math.max(point[axis] + by, 0), this.grid.shape[axis] - 1);
    this.goTo(point);
  }

  activate(plane) {
    this.plane = plane;
    this.#tell();
  }

  largest() {
    if (this.lesions.length) this.#toLesion(0);
  }

  lesion(by) {
    if (!this.lesions.length) return;
    const at = this.lesionAt === undefined || this.lesionAt === null ? (by > 0 ? -1 : 0) : this.lesionAt;
    this.#toLesion((at + by + this.lesions.length) % this.lesions.length);
  }

  #toLesion(number) {
    this.goTo(this.grid.pointOf(this.lesions[number].centre_mm));
    this.lesionAt = number;
    this.#tell();
  }

  // --- how -----------------------------------------------------------------------------------

  window(window) {
    if (!Object.values(WINDOWS).some((preset) => String(preset) === String(window))) this.custom = window;
    this.look({ window });
  }

  customWindow() {
    this.window(this.custom ?? this.view.window);
    this.controls.centre.focus();
  }

  style(style) {
    if (style !== "none") this.marked = style;
    // A rim is thin and may be full; a fill has to let the lung through.
    const usual = { contours: 1, fill: 0.4, none: this.view.opacity };
    this.look({ style, opacity: style === this.view.style ? this.view.opacity : usual[style] });
  }

  toggleOverlay() {
    this.style(this.view.style === "none" ? this.marked ?? "contours" : "none");
  }

  toggleStyle() {
    this.style(this.view.style === "contours" ? "fill" : "contours");
  }

  opacity(opacity) {
    this.look({ opacity: Math.round(20 * Math.min(Math.max(opacity, 0.1), 1)) / 20 });
  }

  zoom(by) {
    this.look({ zoom: Math.min(Math.max(this.view.zoom * by, 0.5), MOST_ZOOM) });
  }

  reset() {
    this.annotations.clear();
    this.look({ zoom: 1, pan: [0, 0, 0], window: WINDOWS.lung });
  }

  nextLayout() {
    this.layout(LAYOUTS[(LAYOUTS.indexOf(this.view.layout) + 1) % LAYOUTS.length]);
  }

  async layout(layout) {
    if (!this.grid) return;
    if (layout === "render") {
      if (!await this.#capable()) return;
      if (!this.surfaces.volume?.resolution) await this.surfaces.preview().catch((error) => this.#failed(error));
      if (!this.surfaces.volume?.resolution) return;
    }
    if (AXIS[layout] !== undefined) this.plane = layout;
    this.view = { ...this.view, layout, zoom: 1, pan: [0, 0, 0] };
    if (layout === "render") this.surfaces.useVolume();
    else if (this.surfaces.slow) this.surfaces.usePictures();
    this.refreshed();
  }

  /** The volume on the scanner's own grid; null, and said in words, where it cannot be had. */
  async fullVolume() {
    await this.ready;
    if (!await this.#capable()) return null;
    try {
      await this.surfaces.full();
    } catch (error) {
      this.#failed(error);
    }
    const { volume } = this.surfaces;
    return volume?.resolution === "full" ? volume : null;
  }

  async #capable() {
    if (this.surfaces.capable) return true;
    this.controls.say(t("viewer.no-webgl2"));
    return false;
  }

  async fullScreen() {
    if (document.fullscreenElement) await document.exitFullscreen();
    else await this.root.requestFullscreen?.();
  }

  help() {
    showHelp(this.root, () => this.stage.focus());
  }

  // --- hands ---------------------------------------------------------------------------------

  measuring() {
    this.measures = !this.measures;
    this.#tell();
  }

  at(x, y) {
    return this.view.layout === "render" ? null : this.surfaces.current.at(x, y);
  }

  // --- drawing -------------------------------------------------------------------------------

  look(change) {
    this.view = { ...this.view, ...change };
    if (change.point) this.lesionAt = null;
    this.refreshed();
  }

  /** Draw anew in the next frame. */
  refreshed() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      if (!this.closed) this.#show();
    });
  }

  #show() {
    this.surfaces.current.show(this.view);
    this.readout.renew();
    this.annotate();
    this.#tell();
  }

  /** Painting changed a box of voxels. */
  painted(box) {
    this.surfaces.volume.refresh(box);
    this.annotate();
  }

  annotate() {
    this.annotations.draw(this.surfaces.current, this.view, { crossed: this.readout.atCross });
  }

  #tell() {
    const { view, plane, grid, lesions, measures } = this;
    const surface = this.surfaces.name;
    this.stage.dataset.resolution = surface;
    this.stage.classList.toggle("painting", Boolean(this.brush.painting));
    const offersFull = this.surfaces.offersFull;
    this.controls.update({ view, plane, grid, lesions, lesionAt: this.lesionAt ?? null, surface, measures, offersFull });
  }

  #reword() {
    this.controls.write();
    this.readout.write();
    this.stage.setAttribute("aria-label", t("viewer.images"));
    if (this.surfaces) this.#show();
  }

  close() {
    this.closed = true;
    cancelAnimationFrame(this.frame);
    document.removeEventListener("languagechanged", this.worded);
    document.removeEventListener("keydown", this.elsewhere);
    this.source.close();
    this.surfaces?.close();
    this.root.remove();
  }
}
