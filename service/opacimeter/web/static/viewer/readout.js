// The HU told below the images: of the voxel under the pointer, else of the cross that keys moved.
// A number is only ever shown beside the voxel that it belongs to.

const REST_MS = 60; // a pointer or a wheel on its way asks for nothing

export class Readout {
  constructor(desk) {
    Object.assign(this, { desk, place: null, byKeys: false, name: null, value: null, asking: null });
  }

  /** The pointer is at a place of the stage, or has left it (null). */
  pointer(place) {
    Object.assign(this, { place, byKeys: false });
    this.renew();
  }

  /** A key moves the cross: from now on its voxel is told where no pointer rests on the images. */
  keys() {
    this.byKeys = true;
  }

  /** The cross is looked at though its lines are not a part of the layout. */
  get atCross() {
    return this.target()?.key === "viewer.hu.cross";
  }

  /** After each change of what is looked at: the place of the pointer may hold another voxel. */
  renew() {
    const target = this.target();
    const name = target && `${target.key} ${target.point}`;
    if (name === this.name) return;
    Object.assign(this, { name, value: null });
    this.write();
    clearTimeout(this.asking);
    if (!target) return;
    if (this.desk.surfaces.name === "full") this.#ask(target.point, name);
    else this.asking = setTimeout(() => this.#ask(target.point, name), REST_MS);
  }

  write() {
    this.desk.controls.hu(this.value, this.name?.split(" ")[0]);
  }

  target() {
    const { grid, view } = this.desk;
    const at = this.place && this.desk.at(...this.place);
    if (at) return grid.holds(at.point) ? { key: "viewer.hu", point: grid.inside(at.point) } : null;
    return this.byKeys && view.layout !== "render" ? { key: "viewer.hu.cross", point: view.point } : null;
  }

  async #ask(point, name) {
    const value = await this.desk.surfaces.current.hu(point).catch(() => null);
    if (this.name !== name || this.desk.closed) return; // an answer that came late is another voxel's
    this.value = value;
    this.write();
  }
}
