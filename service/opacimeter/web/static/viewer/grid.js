// The grid that slices are counted on: axial from the head, coronal from the front, sagittal from
// the patient's right. A point is [axial, coronal, sagittal], an index that may have a fraction;
// mm are DICOM's patient coordinates (left, back, head).

export const PLANES = ["axial", "coronal", "sagittal"];

export const AXIS = { axial: 0, coronal: 1, sagittal: 2 };

/** The axes that a plane's picture runs along: down, then to the right. */
export const ALONG = { axial: [1, 2], coronal: [0, 2], sagittal: [0, 1] };

/** What stands at the top, right, bottom and left of a plane as a radiologist looks at it. */
export const LETTERS = { axial: "ALPR", coronal: "SLIR", sagittal: "SPIA" };

export class Grid {
  constructor({ shape, spacing_mm, affine, zones = {} }) {
    Object.assign(this, { shape, spacing: spacing_mm, affine, zones });
    this.inverse = inverted(affine);
  }

  mmOf(point) {
    return [0, 1, 2].map((row) => this.affine[row][3] + dot(this.affine[row], point));
  }

  pointOf(mm) {
    const moved = mm.map((value, axis) => value - this.affine[axis][3]);
    return this.inverse.map((row) => dot(row, moved));
  }

  /** The nearest voxel that exists. */
  inside(point) {
    return point.map((at, axis) => Math.min(Math.max(Math.round(at), 0), this.shape[axis] - 1));
  }

  holds(point) {
    return point.every((at, axis) => at > -0.5 && at < this.shape[axis] - 0.5);
  }

  voxelMl() {
    return Math.abs(determinant(this.affine)) / 1000;
  }

  voxels() {
    return this.shape[0] * this.shape[1] * this.shape[2];
  }
}

export function distanceMm(one, other) {
  return Math.hypot(...one.map((value, axis) => value - other[axis]));
}

const dot = (row, values) => row[0] * values[0] + row[1] * values[1] + row[2] * values[2];

const determinant = ([[a, b, c], [d, e, f], [g, h, i]]) => a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);

function inverted([[a, b, c], [d, e, f], [g, h, i]]) {
  const whole = determinant([[a, b, c], [d, e, f], [g, h, i]]);
  return [
    [e * i - f * h, c * h - b * i, b * f - c * e],
    [f * g - d * i, a * i - c * g, c * d - a * f],
    [d * h - e * g, b * g - a * h, a * e - b * d],
  ].map((row) => row.map((value) => value / whole));
}
