// The bar above the images and the line below them.

import { build, number } from "../elements.js";
import { current, t } from "../language.js";
import { AXIS } from "./grid.js";

export const LAYOUTS = ["planes", "axial", "coronal", "sagittal", "render"];
export const WINDOWS = { lung: [-600, 1500], mediastinum: [40, 400] };
export const STYLES = ["contours", "fill", "none"];

export const KEYS = [
  ["↑ ↓ ← →", "viewer.key.step"], ["PageUp PageDown", "viewer.key.leap"], ["Home End", "viewer.key.ends"],
  ["1 2 3", "viewer.key.window"], ["O", "viewer.key.overlay"], ["C", "viewer.key.style"], ["+ −", "viewer.key.opacity"],
  ["L", "viewer.key.largest"], ["N P", "viewer.key.lesion"], ["M", "viewer.key.measure"], ["V", "viewer.key.layout"],
  ["R", "viewer.key.reset"], ["F", "viewer.key.full-screen"], ["Ctrl+Z Ctrl+Shift+Z", "viewer.key.undo"], ["?", "viewer.key.help"],
];
export const GESTURES = ["wheel", "drag", "window", "zoom", "pan"];

export class Controls {
  constructor(viewer) {
    this.viewer = viewer;
    this.bar = build("div", { class: "viewer-bar" });
    this.foot = build("div", { class: "viewer-foot" });
    this.write();
  }

  /** All texts anew, as after a change of language. */
  write() {
    const { viewer } = this;
    const act = (name, run, attributes = {}) => build("button", { type: "button", "data-act": name, on: { click: run }, ...attributes }, t(`viewer.${name}`));
    const sign = (name, drawn, run) => {
      const made = act(name, run, { "aria-label": t(`viewer.${name}`), title: t(`viewer.${name}`) });
      made.textContent = drawn;
      return made;
    };
    this.layouts = LAYOUTS.map((layout) => act(`layout.${layout}`, () => viewer.layout(layout), { "aria-pressed": "false" }));
    this.windows = Object.keys(WINDOWS).map((name) => act(`window.${name}`, () => viewer.window(WINDOWS[name]), { "aria-pressed": "false" }));
    this.measure = act("measure", () => viewer.measuring(), { "aria-pressed": "false" });
    this.lesion = build("output", { class: "lesion" });
    this.full = act("full-resolution", () => viewer.fullVolume(), { hidden: true });
    const group = (name, ...parts) => build("div", { class: "group", role: "group", "aria-label": t(`viewer.group.${name}`) }, parts);
    this.bar.replaceChildren(
      group("layout", this.layouts),
      group("window", this.windows, this.#numbers()),
      group("overlay", this.#overlay()),
      group("lesions", sign("lesion.previous", "‹", () => viewer.lesion(-1)), this.lesion, sign("lesion.next", "›", () => viewer.lesion(1)), act("lesion.largest", () => viewer.largest())),
      group("tools", this.measure, this.full, act("full-screen", () => viewer.fullScreen()), sign("help", "?", () => viewer.help())));
    this.#line();
  }

  #numbers() {
    const { viewer } = this;
    const changed = () => {
      const [centre, width] = [this.centre, this.width].map((input) => input.valueAsNumber);
      if (Number.isFinite(centre) && width >= 1) viewer.window([centre, width]);
    };
    const input = (name, limits) => build("input", { type: "number", step: 10, ...limits, "aria-label": t(`viewer.window.${name}`), on: { change: changed } });
    this.centre = input("centre", { min: -1500, max: 3000 });
    this.width = input("width", { min: 1, max: 5000 });
    return [this.centre, build("span", { "aria-hidden": "true" }, "/"), this.width];
  }

  #overlay() {
    const { viewer } = this;
    const styles = STYLES.map((style) => build("option", { value: style }, t(`viewer.style.${style}`)));
    this.style = build("select", { "aria-label": t("viewer.style"), on: { change: () => viewer.style(this.style.value) } }, styles);
    this.opacity = build("input", {
      type: "range", min: 10, max: 100, step: 5, "aria-label": t("viewer.opacity"),
      on: { input: () => viewer.opacity(this.opacity.valueAsNumber / 100) },
    });
    return [this.style, this.opacity];
  }

  #line() {
    const { viewer } = this;
    this.slice = build("input", {
      type: "range", min: 0, step: 1, class: "slice", "aria-label": t("viewer.slice"),
      on: { input: () => viewer.step(this.slice.valueAsNumber - viewer.view.point[AXIS[viewer.plane]]) },
    });
    this.where = build("span", { class: "where" });
    this.under = build("span", { class: "under" });
    this.state = build("span", { class: "surface" });
    this.notice = build("span", { class: "notice", role: "status" });
    this.foot.replaceChildren(this.slice, build("p", {}, this.where, this.under, this.state, this.notice));
  }

  update({ view, plane, grid, lesions, lesionAt, surface, measures, offersFull }) {
    const pressed = (button, on) => button.setAttribute("aria-pressed", on);
    LAYOUTS.forEach((layout, place) => pressed(this.layouts[place], view.layout === layout));
    Object.values(WINDOWS).forEach((window, place) => pressed(this.windows[place], String(window) === String(view.window)));
    pressed(this.measure, measures);
    [this.centre, this.width].forEach((input, place) => { if (document.activeElement !== input) input.value = Math.round(view.window[place]); });
    this.style.value = view.style;
    this.opacity.value = Math.round(100 * view.opacity);
    this.opacity.disabled = view.style === "none";
    this.lesion.textContent = lesions.length === 0 ? t("viewer.lesion.none") : lesionAt === null ? t("viewer.lesion.count", { count: lesions.length })
      : t("viewer.lesion.at", { number: lesionAt + 1, count: lesions.length, ml: number(lesions[lesionAt].volume_ml, 1) });
    for (const button of this.bar.querySelectorAll("[data-act^='lesion.']")) button.disabled = lesions.length === 0;
    this.full.hidden = !offersFull;
    this.#slice(view, plane, grid);
    this.state.textContent = surface ? t(`viewer.surface.${surface}`) : "";
  }

  #slice(view, plane, grid) {
    const axis = AXIS[plane];
    const [at, count] = [view.point[axis], grid.shape[axis]];
    this.slice.max = count - 1;
    this.slice.value = at;
    const mm = number(grid.mmOf(view.point)[2 - axis], 1);
    const text = t("viewer.where", { plane: t(`viewer.layout.${plane}`), number: at + 1, count, axis: "zyx"[axis], mm });
    this.slice.setAttribute("aria-valuetext", text);
    this.where.textContent = text;
  }

  /** `key` tells whose it is: the pointer's voxel, or that of the cross. */
  hu(value, key = "viewer.hu") {
    this.under.textContent = value === null ? "" : t(key, { hu: value.toLocaleString(current()).replace("-", "−") });
  }

  say(text) {
    this.notice.textContent = text;
  }
}
