// Painting on a label map in memory: discs and filled outlines in mm, undo and redo. It knows no
// screen: what a stroke changed is told as a box, for whoever shows it.

import { ALONG, AXIS } from "./grid.js";

export const CLASSES = { erase: 0, lung: 1, lesion: 2 };

export class Painting {
  /** `drawing`: one byte a voxel in the order right, front, head growing; `shape` as the grid's. */
  constructor(drawing, { shape, spacing }) {
    Object.assign(this, { drawing, shape, spacing });
    this.original = drawing.slice();
    this.changed = 0;
    this.grown = [0, 0, 0]; // voxels by class
    this.done = [];
    this.undone = [];
    this.stroke = null;
  }

  begin(value) {
    this.stroke = { value, at: [], before: [] };
    this.undone = [];
  }

  /** A stroke that changed nothing is none. */
  end() {
    if (this.stroke?.at.length) this.done.push(this.stroke);
    this.stroke = null;
  }

  /** A disc of a plane around a point; all voxels whose centre lies within the radius. */
  disc(plane, point, radiusMm) {
    const [down, right] = ALONG[plane];
    const [y, x] = [point[down], point[right]];
    const [stepY, stepX] = [this.spacing[down], this.spacing[right]];
    const voxel = point.map(Math.round);
    const box = new Box();
    this.#set(voxel, box);
    for (let row = Math.ceil(y - radiusMm / stepY); row <= y + radiusMm / stepY; row++) {
      const half = Math.sqrt(Math.max(radiusMm ** 2 - ((row - y) * stepY) ** 2, 0)) / stepX;
      for (let column = Math.ceil(x - half); column <= x + half; column++) {
        [voxel[down], voxel[right]] = [row, column];
        this.#set(voxel, box);
      }
    }
    return box;
  }

  /** Discs so close that a quick movement leaves no gaps. */
  line(plane, from, to, radiusMm) {
    const [down, right] = ALONG[plane];
    const long = Math.hypot((to[down] - from[down]) * this.spacing[down], (to[right] - from[right]) * this.spacing[right]);
    const steps = Math.max(Math.ceil(long / Math.max(radiusMm / 2, Math.min(...this.spacing) / 2)), 1);
    const box = new Box();
    for (let step = 1; step <= steps; step++) {
      const at = to.map((end, axis) => from[axis] + (end - from[axis]) * step / steps);
      at[AXIS[plane]] = to[AXIS[plane]];
      box.join(this.disc(plane, at, radiusMm));
    }
    return box;
  }

  /** All voxels whose centre lies within an outline, by the even-odd rule. */
  fill(plane, outline) {
    const [down, right] = ALONG[plane];
    const rows = outline.map((point) => point[down]);
    const voxel = outline[0].map(Math.round);
    const box = new Box();
    for (let row = Math.ceil(Math.min(...rows)); row <= Math.max(...rows); row++) {
      const ends = crossings(outline, { row, down, right });
      for (let pair = 0; pair + 1 < ends.length; pair += 2) {
        for (let column = Math.ceil(ends[pair]); column <= ends[pair + 1]; column++) {
          [voxel[down], voxel[right]] = [row, column];
          this.#set(voxel, box);
        }
      }
    }
    return box;
  }

  undo() {
    return this.#turn(this.done, this.undone, (stroke, number) => stroke.before[number]);
  }

  redo() {
    return this.#turn(this.undone, this.done, (stroke) => stroke.value);
  }

  #turn(from, to, valueOf) {
    const stroke = this.stroke ? null : from.pop(); // not while one is drawn
    if (!stroke) return null;
    to.push(stroke);
    const box = new Box();
    stroke.at.forEach((at, number) => {
      this.#write(at, valueOf(stroke, number));
      box.add(...this.#placeOf(at));
    });
    return box;
  }

  #set(voxel, box) {
    const [slices, rows, columns] = this.shape;
    const [slice, row, column] = voxel;
    if (slice < 0 || row < 0 || column < 0 || slice >= slices || row >= rows || column >= columns) return;
    const place = [columns - 1 - column, rows - 1 - row, slices - 1 - slice];
    const at = place[0] + columns * (place[1] + rows * place[2]);
    const { value } = this.stroke;
    if (this.drawing[at] === value) return;
    this.stroke.at.push(at);
    this.stroke.before.push(this.drawing[at]);
    this.#write(at, value);
    box.add(...place);
  }

  #write(at, value) {
    const [before, first] = [this.drawing[at], this.original[at]];
    this.changed += (value !== first) - (before !== first);
    this.grown[value]++;
    this.grown[before]--;
    this.drawing[at] = value;
  }

  #placeOf(at) {
    const [, rows, columns] = this.shape;
    return [at % columns, Math.floor(at / columns) % rows, Math.floor(at / columns / rows)];
  }
}

/** The smallest box around what was added, ends included. */
class Box {
  constructor() {
    this.low = [Infinity, Infinity, Infinity];
    this.high = [-Infinity, -Infinity, -Infinity];
  }

  add(...place) {
    this.low = this.low.map((value, axis) => Math.min(value, place[axis]));
    this.high = this.high.map((value, axis) => Math.max(value, place[axis]));
  }

  join(other) {
    if (other.empty) return;
    this.add(...other.low);
    this.add(...other.high);
  }

  get empty() {
    return this.low[0] === Infinity;
  }
}

function crossings(outline, { row, down, right }) {
  const found = [];
  outline.forEach((one, number) => {
    const other = outline[(number + 1) % outline.length];
    if ((one[down] <= row) === (other[down] <= row)) return;
    found.push(one[right] + (other[right] - one[right]) * (row - one[down]) / (other[down] - one[down]));
  });
  return found.sort((a, b) => a - b);
}
