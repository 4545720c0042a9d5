// Where along z: areas of lung and opacity by slice. Clicking or the arrow keys go to the slice.

import { element, number } from "../elements.js";
import { t } from "../language.js";
import { startOf } from "../viewer/start.js";
import { definition } from "./definitions.js";
import { built, drawn, section, ticks } from "./parts.js";

const WIDTH = 480;
const HEIGHT = 150;
const LEFT = 44;
const RIGHT = 8;
const TOP = 10;
const FEET = 30;
const STEPS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 };

/**
 * @param {object} found The assessment.
 * @param {{goToSlice: Function, onSlice: Function, slice: number | null}} viewer
 */
export function profile(found, viewer) {
  const { profile: slices } = found;
  if (!slices?.length) return null;
  const across = (index) => LEFT + (WIDTH - LEFT - RIGHT) * (index + 0.5) / slices.length;
  const steps = ticks(Math.max(...slices.map((slice) => slice.lung_cm2)), 3);
  const up = (cm2) => TOP + (HEIGHT - TOP - FEET) * (1 - cm2 / steps.at(-1));
  const marker = drawn("line", { class: "here", y1: TOP, y2: HEIGHT - FEET });
  const picture = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "chart profile", "aria-hidden": "true" },
    grid(steps, up), area(slices, across, up, "lung"), area(slices, across, up, "lesion"), marker, feet(slices, across));
  const slider = built("div", "profile-slider", picture);
  const here = element("p", "", "quiet here-text");
  const go = slide(slider, found, viewer, (index) => {
    marker.setAttribute("x1", across(index));
    marker.setAttribute("x2", across(index));
    here.textContent = told(slices, index);
  });
  picture.addEventListener("pointerdown", (event) => drag(event, picture, slices.length, go));
  const title = element("p", "", "chart-title");
  title.append(t("result.profile.title"), " ", definition("profile", t("result.profile.title")));
  return section("profile", t("result.part.profile"), title, slider, here);
}

function told(slices, index) {
  const { position_mm, lung_cm2, lesion_cm2 } = slices[index];
  return t("result.profile.slice", {
    slice: index + 1, of: slices.length, z: number(position_mm, 1), lung: number(lung_cm2, 1), lesion: number(lesion_cm2, 1),
  });
}

function slide(slider, found, viewer, show) {
  const { profile: slices } = found;
  const last = slices.length - 1;
  let current = 0;
  const mark = (index) => {
    current = Math.min(Math.max(Math.round(index), 0), last);
    slider.setAttribute("aria-valuenow", current + 1);
    slider.setAttribute("aria-valuetext", told(slices, current));
    show(current);
  };
  const go = (index) => {
    mark(index);
    viewer.goToSlice(current);
  };
  const attributes = { role: "slider", tabindex: 0, "aria-label": t("result.profile.label"), "aria-valuemin": 1, "aria-valuemax": slices.length };
  for (const [name, value] of Object.entries(attributes)) slider.setAttribute(name, value);
  slider.addEventListener("keydown", (event) => {
    const to = { Home: 0, End: last }[event.key] ?? (event.key in STEPS ? current + STEPS[event.key] : null);
    if (to === null) return;
    event.preventDefault();
    go(to);
  });
  viewer.onSlice(mark);
  mark(viewer.slice ?? startOf(found).slice);
  return go;
}

function drag(event, picture, count, go) {
  const to = ({ clientX }) => {
    const box = picture.getBoundingClientRect();
    const x = (clientX - box.left) / box.width * WIDTH;
    go((x - LEFT) / (WIDTH - LEFT - RIGHT) * count - 0.5);
  };
  to(event);
  picture.setPointerCapture(event.pointerId);
  picture.addEventListener("pointermove", to);
  picture.addEventListener("pointerup", () => picture.removeEventListener("pointermove", to), { once: true });
}

function area(slices, across, up, name) {
  const points = slices.map((slice, index) => `${across(index).toFixed(1)},${up(slice[`${name}_cm2`]).toFixed(1)}`);
  const outline = [`${across(0)},${up(0)}`, ...points, `${across(slices.length - 1)},${up(0)}`];
  return drawn("polygon", { class: `area ${name}`, points: outline.join(" ") });
}

function grid(steps, up) {
  const group = drawn("g");
  for (const cm2 of steps) {
    group.append(drawn("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: up(cm2), y2: up(cm2) }));
    group.append(drawn("text", { x: LEFT - 5, y: up(cm2) + 4, "text-anchor": "end" }, number(cm2)));
  }
  group.append(drawn("text", { x: LEFT - 5, y: HEIGHT - 4, "text-anchor": "end" }, "cm²"));
  return group;
}

function feet(slices, across) {
  const y = HEIGHT - FEET + 14;
  const group = drawn("g", { class: "axis" });
  for (const index of ticks(slices.length, 5).slice(1).filter((each) => each < slices.length)) {
    group.append(drawn("text", { x: across(index - 1), y, "text-anchor": "middle" }, number(index)));
  }
  group.append(drawn("text", { x: LEFT, y: y + 12 }, t("result.profile.cranial")));
  group.append(drawn("text", { x: WIDTH - RIGHT, y: y + 12, "text-anchor": "end" }, t("result.profile.caudal")));
  return group;
}
