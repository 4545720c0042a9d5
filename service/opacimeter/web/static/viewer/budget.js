// What this browser can draw in time. Without a GPU WebGL2 is computed by the CPU, a hundred times
// slower: a volume that takes half a minute helps nobody who could scroll rendered slices at once.

const SIDE = 128;
const TAPS = 32;
const ROUNDS = 4;

/** Seconds that a software renderer takes for a volume's first frame, by taps of the probe. */
const FRAME_TAPS = 60;
export const PREVIEW_S = 2.5;
/** A new window on a volume: what a drag may cost at most. */
export const WINDOWING_S = 1;
/** Of one volume's textures: windowed colours, drawing, and what they are made from. */
export const TEXTURE_BYTES = 900e6;
const BYTES_A_VOXEL = 7;

const VERTEX = `#version 300 es
void main() {
  gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0.0, 1.0);
}`;
const FRAGMENT = `#version 300 es
precision highp float;
precision highp sampler3D;
uniform sampler3D volume;
out vec4 colour;
void main() {
  float sum = 0.0;
  for (int tap = 0; tap < ${TAPS}; tap++) sum += texture(volume, vec3(gl_FragCoord.xy, float(tap)) / ${SIDE}.0).r;
  colour = vec4(sum / ${TAPS}.0);
}`;

/** Taps a second into a small volume; 0 where there is no WebGL2. */
export function tapsPerSecond() {
  const gl = document.createElement("canvas").getContext("webgl2");
  if (!gl) return 0;
  try {
    prepare(gl);
    once(gl); // compiles
    const begun = performance.now();
    for (let round = 0; round < ROUNDS; round++) once(gl);
    const seconds = Math.max(performance.now() - begun, 0.1) / 1000;
    return ROUNDS * SIDE * SIDE * TAPS / seconds;
  } finally {
    gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}

/** Seconds to the first frame of so many voxels. */
export const expectedS = (voxels, taps) => FRAME_TAPS * voxels / taps;

export const fits = (voxels) => voxels * BYTES_A_VOXEL <= TEXTURE_BYTES;

function prepare(gl) {
  Object.assign(gl.canvas, { width: SIDE, height: SIDE });
  gl.viewport(0, 0, SIDE, SIDE);
  const program = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  gl.useProgram(program);
  gl.bindTexture(gl.TEXTURE_3D, gl.createTexture());
  gl.texStorage3D(gl.TEXTURE_3D, 1, gl.R8, 32, 32, 32);
}

function once(gl) {
  gl.drawArrays(gl.TRIANGLES, 0, 3);
  gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4)); // waits for the end
}
