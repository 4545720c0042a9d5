// Which way the images come: rendered slices at once, then the volume as far as this browser can
// draw it in time. Whatever fails on the way, the rendered slices stay.

import { build } from "../elements.js";
import { expectedS, fits, PREVIEW_S, tapsPerSecond, WINDOWING_S } from "./budget.js";
import { Pictures } from "./pictures.js";

const BLOCK_VOXELS = 8; // a preview has about an eighth of the voxels

/** ?webgl=off in the page's address: rendered slices only. */
const FORBIDDEN = new URLSearchParams(window.location.search).get("webgl") === "off";

export class Surfaces {
  /** `told` is {changed(), view(), progress(part | null), lost()}. */
  constructor(stage, { source, grid, told }) {
    Object.assign(this, { stage, source, grid, told, closed: false, volume: null, slow: false, lost: false, working: null });
    this.pictures = new Pictures(source, grid);
    stage.append(this.pictures.element);
    this.current = this.pictures;
    this.taps = null;
    // Images and what is drawn over them are made to the stage's size.
    this.resized = new ResizeObserver(() => {
      this.volume?.fit();
      told.changed();
    });
    this.resized.observe(stage);
  }

  /** How it is called in words: pictures, preview or full. */
  get name() {
    return this.current === this.volume ? this.volume.resolution : "pictures";
  }

  /** Without WebGL2 there are the rendered slices alone. */
  get capable() {
    if (this.taps === null) this.taps = FORBIDDEN ? 0 : tapsPerSecond();
    return this.taps > 0;
  }

  get offersFull() {
    return this.capable && !this.working && this.volume?.resolution !== "full";
  }

  /** Preview, then volume, each only if it will be there in time. */
  async improve() {
    if (!this.capable || expectedS(this.grid.voxels() / BLOCK_VOXELS, this.taps) > PREVIEW_S) return;
    const seconds = await this.preview();
    const soon = seconds * BLOCK_VOXELS <= WINDOWING_S;
    if (soon && fits(this.grid.voxels()) && !this.closed) await this.full();
  }

  /** Show the preview at least; gives the seconds that windowing it takes. */
  preview() {
    if (this.volume?.resolution) return 0;
    return this.#load("preview", () => Promise.all([this.source.preview("volume"), this.source.preview("labels")]));
  }

  async full() {
    if (this.volume?.resolution === "full") {
      this.#use(this.volume);
      return;
    }
    const { progress } = this.told;
    await this.#load("full", () => Promise.all([this.source.full("volume", progress), this.source.full("labels")]));
  }

  /** Rendered slices again, for planes that a slow browser would draw slowly. */
  usePictures() {
    if (this.volume?.resolution !== "full") this.#use(this.pictures);
  }

  useVolume() {
    if (this.volume) this.#use(this.volume);
  }

  close() {
    this.closed = true;
    this.resized.disconnect();
    this.volume?.close();
    this.pictures.close();
  }

  // One at a time; who asks for the same while it is under way gets the same.
  async #load(resolution, fetched) {
    if (this.working?.resolution === resolution) return this.working.done;
    const before = this.working?.done;
    const done = (async () => {
      await before?.catch(() => {});
      // What came meanwhile may be painted on: a smaller one must not take its place.
      return this.#has(resolution) ? 0 : this.#put(resolution, await fetched());
    })();
    this.working = { resolution, done };
    this.told.progress(0);
    try {
      return await done;
    } finally {
      if (this.working?.done === done) this.working = null;
      if (!this.lost) this.told.progress(null);
      this.told.changed();
    }
  }

  #has(resolution) {
    const shown = this.volume?.resolution;
    return shown === "full" || shown === resolution;
  }

  async #put(resolution, [volume, labels]) {
    if (this.closed || this.lost) throw new DOMException("closed", "AbortError");
    await this.#opened();
    await this.volume.put({ volume, labels }, { resolution, view: this.told.view() });
    // Not the first frame, which compiles shaders: the same work once more, which is what a new
    // window costs.
    const begun = performance.now();
    this.volume.renew();
    const seconds = (performance.now() - begun) / 1000;
    this.slow ||= resolution === "preview" && seconds > WINDOWING_S;
    if (!this.slow || resolution === "full" || this.told.view().layout === "render") this.#use(this.volume);
    return seconds;
  }

  async #opened() {
    if (this.volume) return;
    const { Volume } = await import("./volume.js");
    const place = build("div", { class: "volume-place" });
    this.stage.append(place);
    this.volume = await Volume.open(place, { source: this.source, grid: this.grid, lost: () => this.#lost() });
    if (this.closed) this.volume.close();
  }

  #use(surface) {
    if (surface !== this.pictures) this.pictures.rest();
    this.current = surface;
    this.stage.dataset.surface = surface.name;
    this.told.changed();
  }

  // The GPU took the context away: too little memory, a driver's restart.
  #lost() {
    if (this.closed) return;
    Object.assign(this, { volume: null, taps: 0, lost: true });
    this.stage.querySelector(".volume-place")?.remove();
    this.#use(this.pictures);
    this.told.lost();
  }
}
