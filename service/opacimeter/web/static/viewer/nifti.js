// NIfTI-1 as the service writes it: little-endian, one file, gzip.

const HEADER_BYTES = 352;

/** Header and voxels of a packed label map of one byte a voxel. */
export async function unpackLabels(packed) {
  const buffer = await through(packed, new DecompressionStream("gzip"));
  const fields = new DataView(buffer);
  const sizes = [1, 2, 3].map((axis) => fields.getInt16(40 + 2 * axis, true));
  const offset = fields.getFloat32(108, true);
  const [little, type] = [fields.getInt32(0, true) === 348, fields.getInt16(70, true)];
  if (!little || type !== 2 || offset !== HEADER_BYTES) throw new Error("labels: not the NIfTI that was expected");
  return { header: new Uint8Array(buffer, 0, HEADER_BYTES), sizes, voxels: new Uint8Array(buffer, offset) };
}

/** A packed file of the same header, so of the same grid and affine to the last bit. */
export async function packLabels(header, voxels) {
  const packed = await through(new Blob([header, voxels]), new CompressionStream("gzip"));
  return new Blob([packed], { type: "application/gzip" });
}

function through(content, stream) {
  return new Response(new Blob([content]).stream().pipeThrough(stream)).arrayBuffer();
}

/** Goes through a file's voxels in the order right, front, head growing, as NiiVue draws.
 *
 * `start` and `step` are NVImage's: where each axis begins in the file, and how far a step goes.
 */
export function* rowsOf(sizes, start, step) {
  const [columns, rows, slices] = sizes;
  for (let slice = 0, drawn = 0; slice < slices; slice++) {
    for (let row = 0; row < rows; row++, drawn += columns) {
      const kept = start[0] + start[1] + start[2] + row * step[1] + slice * step[2];
      yield [drawn, kept];
    }
  }
}

/** File order to drawing order, each value through `change`. */
export function toDrawing(voxels, { sizes, start, step }, change) {
  const drawing = new Uint8Array(voxels.length);
  for (const [drawn, kept] of rowsOf(sizes, start, step)) {
    for (let at = 0, from = kept; at < sizes[0]; at++, from += step[0]) drawing[drawn + at] = change[voxels[from]];
  }
  return drawing;
}

/** Drawing order back to file order. */
export function toFile(drawing, { sizes, start, step }) {
  const voxels = new Uint8Array(drawing.length);
  for (const [drawn, kept] of rowsOf(sizes, start, step)) {
    for (let at = 0, to = kept; at < sizes[0]; at++, to += step[0]) voxels[to] = drawing[drawn + at];
  }
  return voxels;
}
