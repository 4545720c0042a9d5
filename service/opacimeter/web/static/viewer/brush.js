// Correcting in the viewer: the brush on the full volume's grid, and the label map it makes.

import { packLabels } from "./nifti.js";
import { CLASSES, Painting } from "./painting.js";

export class Brush {
  constructor(viewer) {
    Object.assign(this, { viewer, painting: null, header: null, active: false });
    this.chosen = { name: "lesion", radiusMm: 5, filled: false };
  }

  /** True once one can paint; false, and said in words, where this browser cannot. */
  async start() {
    this.active = true;
    const volume = await this.viewer.fullVolume();
    if (!volume || !this.active) {
      this.active = false;
      return false;
    }
    const { grid } = this.viewer;
    this.painting = new Painting(volume.drawing, { shape: grid.shape, spacing: grid.spacing });
    this.viewer.refreshed();
    return true;
  }

  /** Ends painting; what was painted and not saved is taken back. */
  stop() {
    this.end();
    while (this.undo());
    Object.assign(this, { painting: null, active: false });
    this.viewer.annotations.brush = null;
    this.viewer.refreshed();
  }

  tool(name, radiusMm, { filled = false } = {}) {
    if (!Object.hasOwn(CLASSES, name)) throw new RangeError(`tool ${name}`);
    this.chosen = { name, radiusMm, filled };
  }

  begin(at) {
    this.painting.begin(CLASSES[this.chosen.name]);
    this.last = at.point;
    if (this.chosen.filled) this.viewer.annotations.outline = { plane: at.plane, points: [at.point] };
    else this.#show(this.painting.disc(at.plane, at.point, this.chosen.radiusMm));
  }

  move(at) {
    if (!this.painting) return;
    if (this.chosen.filled) this.viewer.annotations.outline.points.push(at.point);
    else this.#show(this.painting.line(at.plane, this.last, at.point, this.chosen.radiusMm));
    this.last = at.point;
  }

  end() {
    if (!this.painting) return;
    const { outline } = this.viewer.annotations;
    if (outline) this.#show(this.painting.fill(outline.plane, outline.points));
    this.viewer.annotations.outline = null;
    this.painting.end();
    this.viewer.refreshed();
  }

  undo() {
    return this.#show(this.painting?.undo());
  }

  redo() {
    return this.#show(this.painting?.redo());
  }

  /** Voxels that differ, and by how much lesion and lung (lesion included) grew or shrank. */
  changed() {
    const { changed = 0, grown = [0, 0, 0] } = this.painting ?? {};
    const ml = this.viewer.grid?.voxelMl() ?? 0;
    return { voxels: changed, lesion_ml: grown[CLASSES.lesion] * ml, lung_ml: (grown[CLASSES.lung] + grown[CLASSES.lesion]) * ml };
  }

  /** The painted labels as .nii.gz: 0 background, 1 lung, 2 lesion, on the volume's own grid. */
  async labels() {
    if (!this.painting) throw new Error("nothing is being painted");
    const { header, voxels } = (await this.viewer.fullVolume()).labels();
    return packLabels(header, voxels);
  }

  #show(box) {
    if (!box) return false;
    if (!box.empty) this.viewer.painted(box);
    return true;
  }
}
