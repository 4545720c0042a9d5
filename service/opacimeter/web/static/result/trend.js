// The burden over dates: percent with its interval, or ml. A point opens its study.

import { dateOf, element, number } from "../elements.js";
import { t } from "../language.js";
import { addressOf } from "./documents.js";
import { built, drawn, ticks } from "./parts.js";

const WIDTH = 480;
const HEIGHT = 170;
const LEFT = 44;
const RIGHT = 30;
const TOP = 12;
const FEET = 28;
const QUANTITIES = ["lesion_percent", "lesion_ml"];

/** @param {object[]} studies Those with numbers, oldest first. */
export function trend(studies) {
  const place = element("div");
  const show = (quantity) => place.replaceChildren(plot(studies, quantity));
  const choices = QUANTITIES.map((quantity, position) => {
    const radio = element("input");
    Object.assign(radio, { type: "radio", name: "trend-quantity", value: quantity, checked: position === 0 });
    radio.addEventListener("change", () => show(quantity));
    return built("label", "", radio, " ", t(`result.trend.${quantity}`));
  });
  show(QUANTITIES[0]);
  const set = built("fieldset", "switch", element("legend", t("result.trend.quantity"), "hidden"), ...choices);
  return built("div", "trend", set, place);
}

function plot(studies, quantity) {
  const shown = studies.filter((study) => study[quantity] != null && study.study?.date);
  if (shown.length === 0) return element("p", t("result.trend.none"), "quiet");
  const tops = shown.map((study) => Math.max(study[quantity], endsOf(study, quantity)?.[1] ?? 0));
  const steps = ticks(Math.max(...tops), 4);
  const across = placed(shown);
  const up = (value) => TOP + (HEIGHT - TOP - FEET) * (1 - value / steps.at(-1));
  const line = shown.map((study, index) => `${across(index)},${up(study[quantity])}`).join(" ");
  return drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "chart trend-plot", role: "group", "aria-label": t(`result.trend.label.${quantity}`, { n: shown.length }) },
    grid(steps, up, quantity), drawn("polyline", { class: "trend-line", points: line }),
    ...shown.map((study, index) => point(study, quantity, across(index), up)), dates(shown, across));
}

const endsOf = ({ interval_90_percent: ends }, quantity) => quantity === "lesion_percent" ? ends : null;

/** By date; studies of one day stand beside each other. */
function placed(shown) {
  const days = shown.map((study) => Date.parse(dateOf(study.study.date)) / 864e5);
  const span = days.at(-1) - days[0];
  const inner = WIDTH - LEFT - RIGHT - 20;
  return (index) => LEFT + 16 + (span > 0 ? inner * (days[index] - days[0]) / span : inner * (index + 0.5) / shown.length);
}

function grid(steps, up, quantity) {
  const group = drawn("g");
  const unit = quantity === "lesion_ml" ? " ml" : " %";
  for (const value of steps) {
    group.append(drawn("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: up(value), y2: up(value) }));
    group.append(drawn("text", { x: LEFT - 5, y: up(value) + 4, "text-anchor": "end" }, number(value, value % 1 ? 1 : 0) + (value === steps.at(-1) ? unit : "")));
  }
  return group;
}

function point(study, quantity, x, up) {
  const y = up(study[quantity]);
  const ends = endsOf(study, quantity);
  const values = { date: dateOf(study.study.date), percent: number(study.lesion_percent, 1), ml: number(study.lesion_ml), low: number(ends?.[0], 1), high: number(ends?.[1], 1) };
  const told = t(ends ? "result.trend.point_interval" : "result.trend.point", values);
  const anchor = drawn("a", { href: addressOf(study.id), "aria-label": told, class: study.current ? "point current" : "point" });
  if (ends) anchor.append(drawn("path", { class: "whisker", d: `M${x} ${up(ends[0])}V${up(ends[1])}M${x - 5} ${up(ends[0])}h10M${x - 5} ${up(ends[1])}h10` }));
  anchor.append(drawn("circle", { cx: x, cy: y, r: study.current ? 6 : 4.5 }), drawn("text", { x: x + 9, y: y - 6 }, number(study[quantity], quantity === "lesion_ml" ? 0 : 1)), drawn("title", {}, told));
  return anchor;
}

function dates(shown, across) {
  const group = drawn("g", { class: "axis" });
  let end = -Infinity;
  shown.forEach((study, index) => {
    const x = across(index);
    if (x - end < 66) return; // a date that would run into the one before is read from its point
    end = x;
    group.append(drawn("text", { x, y: HEIGHT - 10, "text-anchor": "middle" }, dateOf(study.study.date)));
  });
  return group;
}
