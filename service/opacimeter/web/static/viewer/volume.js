// The volume in NiiVue: planes and 3-D from memory. NiiVue draws; pointer and keys are ours, so
// that they do the same on rendered slices.

import { build } from "../elements.js";
import { ALONG, AXIS, PLANES } from "./grid.js";
import { toDrawing, toFile, unpackLabels } from "./nifti.js";

const SCRIPT = new URL("../vendor/niivue.umd.js", import.meta.url);
// Background, lung, lesion: the colours of report/drawing.py, the lung as a backdrop.
const COLOURS = { R: [0, 70, 255], G: [0, 150, 140], B: [0, 255, 0], A: [0, 89, 255], labels: ["", "", ""] };
// In 3-D the lung is a veil, or it would hide its lesions.
const VEILED = { ...COLOURS, A: [0, 4, 255] };
const FROM_THE_FRONT = [180, 10];
const CLASS_OF_LABEL = [0, 1, 1, 2, 2];
// NiiVue draws no rim where the drawing is wholly transparent.
const BARELY = 0.004;
const DRAWING_UNIT = 7;
const RIM_PX = 1.75;
const TILES = {
  planes: [[0, 0, 0, 0.58, 1], [1, 0.58, 0, 0.42, 0.5], [2, 0.58, 0.5, 0.42, 0.5]],
  axial: [[0, 0, 0, 1, 1]],
  coronal: [[1, 0, 0, 1, 1]],
  sagittal: [[2, 0, 0, 1, 1]],
};
const RENDER = 4;

let loading = null;

/** NiiVue's own script, fetched when a volume is first to be shown. */
function niivue() {
  loading ??= new Promise((done, failed) => {
    const script = build("script", { src: SCRIPT.pathname });
    script.addEventListener("load", () => done(window.niivue));
    script.addEventListener("error", () => {
      loading = null;
      failed(new Error("niivue: not loaded"));
    });
    document.head.append(script);
  });
  return loading;
}

export class Volume {
  /** Builds an empty canvas in `place`; `lost` is called when the GPU gives the context up. */
  static async open(place, { source, grid, lost }) {
    const { Niivue, NVImage } = await niivue();
    const volume = new Volume(source, grid);
    volume.NVImage = NVImage;
    place.append(volume.element);
    const nv = new Niivue({
      interactive: false, dragAndDropEnabled: false, logLevel: "error", loadingText: "",
      isRadiologicalConvention: true, sagittalNoseLeft: true, isOrientationTextVisible: false,
      backColor: [0, 0, 0, 1], crosshairWidth: 0, multiplanarShowRender: 0,
    });
    volume.canvas.addEventListener("webglcontextlost", () => lost());
    widerRims(volume.canvas.getContext("webgl2", { antialias: false }));
    await nv.attachToCanvas(volume.canvas, false);
    nv.setDrawColormap(COLOURS);
    nv.setRenderAzimuthElevation(...FROM_THE_FRONT);
    // After each change of the volume NiiVue sets this to the volume's own opacity; in 3-D the
    // chest wall would then hide the lungs.
    nv.onVolumeUpdated = () => volume.#hideBody();
    volume.nv = nv;
    return volume;
  }

  constructor(source, grid) {
    Object.assign(this, { source, grid, name: "volume", resolution: null, shownWindow: null });
    this.canvas = build("canvas", { class: "volume-canvas" });
    this.element = build("div", { class: "volume" }, this.canvas);
  }

  /** Show these files from now on; what is looked at, and how, stays. */
  async put({ volume, labels }, { resolution, view }) {
    const [centre, width] = view.window;
    const image = await this.NVImage.loadFromUrl({
      url: volume, name: "volume.nii.gz", colormap: "gray", cal_min: centre - width / 2, cal_max: centre + width / 2,
    });
    const { header, voxels } = await unpackLabels(labels);
    const order = { sizes: image.dimsRAS.slice(1, 4), start: image.img2RASstart, step: image.img2RASstep };
    const { nv } = this;
    if (!nv || nv.gl.isContextLost()) throw new DOMException("context lost", "AbortError");
    Object.assign(this, { header, order, resolution, shownWindow: String(view.window) });
    nv.drawBitmap = null;
    nv.volumes = [];
    nv.addVolume(image);
    this.blocks = this.grid.shape.map((size, axis) => Math.round(size / order.sizes[2 - axis]));
    nv.drawBitmap = toDrawing(voxels, order, CLASS_OF_LABEL);
    nv.drawTexture = nv.r8Tex(nv.drawTexture, nv.gl.TEXTURE0 + DRAWING_UNIT, nv.back.dims, true);
    nv.refreshDrawing(false);
    this.show(view);
  }

  get drawing() {
    return this.nv.drawBitmap;
  }

  /** The drawing in the order of the file that the labels came from, and that file's header. */
  labels() {
    return { header: this.header, voxels: toFile(this.drawing, this.order) };
  }

  show(view) {
    const { nv } = this;
    if (!nv?.back || nv.gl.isContextLost()) return;
    this.element.dataset.layout = view.layout;
    const render = view.layout === "render";
    this.#colours(render ? VEILED : COLOURS);
    nv.scene.crosshairPos = this.#fractionOf(view.point);
    nv.scene.pan2Dxyzmm = this.#pan(view);
    this.view = view;
    nv.opts.sliceType = render ? RENDER : 0;
    nv.customLayout = render ? null : TILES[view.layout].map(([sliceType, ...position]) => ({ sliceType, position }));
    const contours = view.style === "contours" && !render;
    nv.drawOpacity = render ? 1 : contours ? BARELY : view.style === "none" ? 0 : view.opacity;
    nv.drawRimOpacity = contours ? view.opacity : -1;
    if (render) nv.scene.volScaleMultiplier = view.zoom;
    if (this.shownWindow === String(view.window)) nv.drawScene();
    else this.#rewindow(view.window);
    this.canvas.dataset.shown = view.point.join(" ");
  }

  /** Make all colours anew, as after a change of window; ends when they are drawn. */
  renew() {
    this.nv.updateGLVolume();
  }

  /** To a new size at once: NiiVue does so a frame late, and letters and cross stand by its tiles. */
  fit() {
    if (this.nv?.back && !this.nv.gl.isContextLost()) this.nv.resizeListener();
  }

  turn(byX, byY) {
    const { scene } = this.nv;
    this.nv.setRenderAzimuthElevation((scene.renderAzimuth - byX / 2) % 360, Math.min(Math.max(scene.renderElevation + byY / 2, -90), 90));
  }

  at(x, y) {
    const tile = this.#tileAt(x, y);
    if (!tile) return null;
    const [across, down] = [x * this.#scale(), y * this.#scale()];
    const plane = PLANES[tile.slice.axCorSag];
    const point = this.#pointOf(this.nv.screenXY2TextureFrac(across, down, tile.number, false));
    point[AXIS[plane]] = this.view.point[AXIS[plane]];
    return { plane, point };
  }

  /** Within a tile, screen and point go together in straight lines: two corners tell all. */
  place(plane, point) {
    const number = this.nv.screenSlices.findIndex((slice) => PLANES[slice.axCorSag] === plane);
    if (number < 0) return null;
    const box = boxOf(this.nv.screenSlices[number]);
    const corners = [[box.left + 1, box.top + 1], [box.left + box.width - 1, box.top + box.height - 1]];
    const [one, other] = corners.map(([x, y]) => this.#pointOf(this.nv.screenXY2TextureFrac(x, y, number, false)));
    const [down, right] = ALONG[plane];
    return [right, down].map((axis, way) => {
      const part = (point[axis] - one[axis]) / (other[axis] - one[axis]);
      return (corners[0][way] + part * (corners[1][way] - corners[0][way])) / this.#scale();
    });
  }

  panes() {
    const scale = this.#scale();
    return this.nv.screenSlices.filter(({ axCorSag }) => axCorSag < PLANES.length).map((slice) => {
      const { left, top, width, height } = boxOf(slice);
      return { plane: PLANES[slice.axCorSag], left: left / scale, top: top / scale, width: width / scale, height: height / scale };
    });
  }

  /** From memory where the volume is whole; half-size voxels are means, so the service is asked. */
  async hu(point) {
    if (this.resolution !== "full") return this.source.hu(point);
    const { start, step, sizes } = this.order;
    const place = [2, 1, 0].map((axis, drawn) => sizes[drawn] - 1 - point[axis]);
    return this.nv.volumes[0].img[place.reduce((sum, at, axis) => sum + start[axis] + at * step[axis], 0)];
  }

  /** Copy a box of the drawing to the GPU and show it. */
  refresh({ low, high }) {
    const { gl } = this.nv;
    const [wide, high_] = this.order.sizes;
    gl.activeTexture(gl.TEXTURE0 + DRAWING_UNIT);
    gl.bindTexture(gl.TEXTURE_3D, this.nv.drawTexture);
    const told = [[gl.UNPACK_ALIGNMENT, 1, 4], [gl.UNPACK_ROW_LENGTH, wide, 0], [gl.UNPACK_IMAGE_HEIGHT, high_, 0],
      [gl.UNPACK_SKIP_PIXELS, low[0], 0], [gl.UNPACK_SKIP_ROWS, low[1], 0], [gl.UNPACK_SKIP_IMAGES, low[2], 0]];
    for (const [name, value] of told) gl.pixelStorei(name, value);
    const size = high.map((end, axis) => end - low[axis] + 1);
    gl.texSubImage3D(gl.TEXTURE_3D, 0, ...low, ...size, gl.RED, gl.UNSIGNED_BYTE, this.drawing);
    for (const [name, , usual] of told) gl.pixelStorei(name, usual);
    this.nv.drawScene();
  }

  close() {
    this.nv?.cleanup();
    this.nv?.gl.getExtension("WEBGL_lose_context")?.loseContext();
    this.nv = null;
    this.element.remove();
  }

  #rewindow([centre, width]) {
    const image = this.nv.volumes[0];
    [image.cal_min, image.cal_max] = [centre - width / 2, centre + width / 2];
    this.shownWindow = String([centre, width]);
    this.nv.updateGLVolume();
  }

  #colours(wanted) {
    if (this.colours === wanted) return;
    this.colours = wanted;
    this.nv.setDrawColormap(wanted);
  }

  #hideBody() {
    const { gl, renderShader } = this.nv;
    renderShader.use(gl);
    gl.uniform1f(renderShader.uniforms.backOpacity, 0);
  }

  #scale() {
    return this.nv.uiData.dpr || 1;
  }

  #tileAt(x, y) {
    const number = this.nv?.tileIndex(x * this.#scale(), y * this.#scale()) ?? -1;
    const slice = this.nv?.screenSlices[number];
    return slice && slice.axCorSag < PLANES.length ? { slice, number } : null;
  }

  // NiiVue counts right, front, head growing, in fractions of the volume; we the other way round,
  // in voxels of the full volume.
  #fractionOf(point) {
    const { sizes } = this.order;
    return [2, 1, 0].map((axis, drawn) => 1 - (point[axis] + 0.5) / this.blocks[axis] / sizes[drawn]);
  }

  #pointOf(fraction) {
    const { sizes } = this.order;
    return [0, 1, 2].map((axis) => (1 - fraction[2 - axis]) * sizes[2 - axis] * this.blocks[axis] - 0.5);
  }

  /** NiiVue zooms about the origin of the coordinates, we about the middle of the picture. */
  #pan({ pan, zoom }) {
    const middle = this.nv.frac2mm([0.5, 0.5, 0.5]);
    const moved = [AXIS.sagittal, AXIS.coronal, AXIS.axial].map((axis) => -pan[axis]);
    return [...moved.map((by, axis) => middle[axis] * (1 - zoom) + zoom * by), zoom];
  }
}

// NiiVue looks one screen pixel around for the rim of a drawing, a line too thin to be seen on a
// fine screen. Where another version of its shader reads otherwise, the rims are thin again.
function widerRims(gl) {
  const given = gl.shaderSource.bind(gl);
  const wide = (RIM_PX * (window.devicePixelRatio || 1)).toFixed(2);
  gl.shaderSource = (shader, text) => given(shader, text.replace(/dFd[xy]\(texPos\)/g, (step) => `(${wide} * ${step})`));
}

function boxOf({ leftTopWidthHeight: [left, top, width, height] }) {
  return width < 0 ? { left: left + width, top, width: -width, height } : { left, top, width, height };
}
