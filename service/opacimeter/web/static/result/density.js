// How dense: volume by attenuation, of lung and of opacity, one above the other on one HU axis.

import { element, number } from "../elements.js";
import { t } from "../language.js";
import { definition } from "./definitions.js";
import { built, disclosure, drawn, row, scroller, section, table, ticks } from "./parts.js";

const WIDTH = 480;
const LEFT = 44;
const RIGHT = 8;
const TALL = 74; // of one of the two
const TOP = 16;
const FEET = 26;
const MARKS = [[-950, "result.histogram.low"], [-200, "result.histogram.high"]];

export function density({ histogram, regions }) {
  if (!histogram?.edges_hu?.length) return null;
  const { edges_hu: edges, lungs_ml, lesion_ml } = histogram;
  const across = (hu) => LEFT + (WIDTH - LEFT - RIGHT) * (hu - edges[0]) / (edges.at(-1) - edges[0]);
  const height = 2 * (TOP + TALL) + FEET;
  const picture = drawn("svg", { viewBox: `0 0 ${WIDTH} ${height}`, class: "chart histogram", role: "img", "aria-label": told(histogram, regions?.lungs ?? {}) },
    bars(lungs_ml, edges, across, TOP, "lung"),
    bars(lesion_ml, edges, across, 2 * TOP + TALL, "lesion"),
    ...MARKS.map(([hu, key]) => mark(across(hu), t(key), height)),
    axis(edges, across, height));
  const values = edges.slice(1).map((end, bin) => row(t("result.range", { low: number(edges[bin]), high: number(end) }), [number(lungs_ml[bin], 1), number(lesion_ml[bin], 1)]));
  const heads = [t("result.head.hu"), t("result.head.volume_ml"), t("result.head.lesion_ml")];
  const asTable = scroller(t("result.histogram.table"), table(t("result.histogram.table"), heads, values));
  const title = element("p", "", "chart-title");
  title.append(t("result.histogram.title"), " ", definition("histogram", t("result.histogram.title")));
  return section("density", t("result.part.density"), title, built("figure", "", picture), disclosure(t("result.as_table"), asTable));
}

/** The picture in a sentence, for who does not see it. */
function told({ edges_hu: edges, lungs_ml, lesion_ml }, { mean_hu, lesion_mean_hu }) {
  const peak = (values) => number(edges[values.indexOf(Math.max(...values))]);
  const parts = [t("result.histogram.lung", { peak: peak(lungs_ml), mean: number(mean_hu) })];
  if (Math.max(...lesion_ml) > 0) parts.push(t("result.histogram.lesion", { peak: peak(lesion_ml), mean: number(lesion_mean_hu) }));
  return parts.join(" ");
}

function bars(values, edges, across, top, name) {
  const steps = ticks(Math.max(...values), 2);
  const up = (ml) => top + TALL * (1 - ml / steps.at(-1));
  const group = drawn("g", { class: name });
  for (const ml of steps) {
    group.append(drawn("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: up(ml), y2: up(ml) }));
    group.append(drawn("text", { x: LEFT - 5, y: up(ml) + 4, "text-anchor": "end" }, number(ml, ml % 1 ? 1 : 0)));
  }
  values.forEach((ml, bin) => {
    if (!(ml > 0)) return;
    const left = across(edges[bin]);
    const bar = drawn("rect", { class: "bar", x: left, y: up(ml), width: Math.max(across(edges[bin + 1]) - left - 0.6, 0.6), height: top + TALL - up(ml) });
    bar.append(drawn("title", {}, t("result.histogram.bar", { low: number(edges[bin]), high: number(edges[bin + 1]), ml: number(ml, 1) })));
    group.append(bar);
  });
  group.append(drawn("text", { class: "name", x: WIDTH - RIGHT, y: top + 6, "text-anchor": "end" }, t(`result.histogram.of_${name}`)));
  return group;
}

function mark(x, text, height) {
  return drawn("g", { class: "mark" },
    drawn("line", { x1: x, x2: x, y1: TOP, y2: height - FEET }),
    drawn("text", { x, y: TOP - 4, "text-anchor": "middle", class: "quiet-text" }, text));
}

function axis(edges, across, height) {
  const group = drawn("g", { class: "axis" });
  for (let hu = Math.ceil((edges[0] + 100) / 200) * 200; hu <= edges.at(-1); hu += 200) {
    group.append(drawn("text", { x: across(hu), y: height - FEET + 13, "text-anchor": "middle" }, number(hu)));
  }
  group.append(drawn("text", { x: LEFT - 5, y: height - FEET + 13, "text-anchor": "end" }, "HU"));
  return group;
}
