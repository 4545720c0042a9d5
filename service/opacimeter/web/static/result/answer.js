// The answer: how much, how sure, where. Scores, the map of zones, the table of regions.

import { element, number } from "../elements.js";
import { t } from "../language.js";
import { definition, term } from "./definitions.js";
import { built, button, disclosure, row, scroller, section, table } from "./parts.js";
import { REGIONS, ZONES, lesionMl, regionName, rowKind, rowName } from "./words.js";

const QUANTITIES = [ // beyond those of the main table, with their digits
  ["high_opacity_ml", 0], ["low_attenuation_percent", 1], ["mass_g", 0], ["lesion_mass_g", 0],
  ["mean_hu", 0], ["sd_hu", 0], ["lesion_mean_hu", 0], ["lesion_count", 0],
];

export function answer(found, viewer) {
  const { summary = {}, regions = {} } = found;
  const limit = summary?.below_detection_limit === true ? belowLimit(summary) : null;
  return section("answer", t("result.part.answer"), limit, scores(found), zoneMap(regions, viewer), regionTable(regions, viewer));
}

function belowLimit({ lesion_percent, detection_limit_percent }) {
  const values = { percent: number(lesion_percent, 2), limit: number(detection_limit_percent, 2) };
  return element("p", t("result.below_limit", values), "message");
}

function scores({ summary, regions }) {
  const list = element("dl", "", "scores");
  for (const [name, value, remark] of scoresOf(summary ?? {}, regions?.lungs ?? {})) {
    const figure = element("dd", value);
    figure.dataset.score = name;
    list.append(built("div", `score ${name}`, term(name, t(`result.score.${name}`)), figure, remark && element("dd", remark, "of")));
  }
  return list;
}

function scoresOf(summary, lungs) {
  const { lesion_ml, lesion_percent, high_opacity_percent, ct_ss, zone_score } = summary;
  const rows = [];
  if (lesion_percent !== undefined) rows.push(["lesion_percent", `${number(lesion_percent, 1)} %`, interval(summary)]);
  if (lesion_ml !== undefined) rows.push(["lesion_ml", `${lesionMl(lesion_ml, { lungs })} ml`, t("result.of_lung", { ml: number(lungs.volume_ml) })]);
  if (high_opacity_percent !== undefined) rows.push(["high_opacity", `${number(high_opacity_percent, 1)} %`, t("result.high_opacity_from")]);
  if (ct_ss) rows.push(["ct_ss", t("result.of", { value: ct_ss.grade, of: 5 }), t(ct_ss.near_boundary ? "result.near_boundary" : `result.grade.${ct_ss.grade}`)]);
  if (zone_score) rows.push(["zone_score", t("result.of", { value: zone_score.value, of: zone_score.of }), t("result.six_zones")]);
  if (lungs.volume_ml !== undefined) rows.push(["volume_ml", `${number(lungs.volume_ml)} ml`, meanDensity(lungs)]);
  return rows;
}

function interval({ interval_90_percent: ends }) {
  if (!ends) return t("result.no_interval");
  return t("result.interval", { low: number(ends[0], 1), high: number(ends[1], 1) });
}

const meanDensity = ({ mean_hu }) => mean_hu === undefined ? null : t("result.mean_density", { hu: number(mean_hu) });

// --- where -----------------------------------------------------------------------------------

/** Both lungs in thirds as the reader sees them: the patient's right on the left. */
function zoneMap(regions, viewer) {
  const zones = ZONES.filter((name) => regions[name]?.lesion_percent !== undefined);
  if (zones.length !== ZONES.length) return null;
  const map = built("div", "zone-map", ...["right", "left"].map((side) => built("div", `lung-column ${side}`,
    element("span", t(`result.side.${side}`), "side"),
    ...["upper", "middle", "lower"].map((level) => zoneButton(`${side}-${level}`, regions, viewer)))));
  map.setAttribute("role", "group");
  map.setAttribute("aria-label", t("result.zone_map"));
  return built("div", "where", map, element("p", t("result.zone_map.hint"), "quiet"));
}

function zoneButton(name, regions, viewer) {
  const { lesion_percent, lesion_ml } = regions[name];
  const made = button("", () => viewer.goToZone(name), "zone");
  made.append(element("strong", `${number(lesion_percent, 1)} %`), element("span", `${lesionMl(lesion_ml, regions)} ml`));
  made.dataset.zone = name;
  made.setAttribute("aria-label", t("result.zone_is", { zone: regionName(name), percent: number(lesion_percent, 1), ml: lesionMl(lesion_ml, regions) }));
  // The root tells small burdens apart, which are the common ones; text stays readable on 45 %.
  made.style.setProperty("--share", `${Math.round(45 * Math.sqrt(Math.min(lesion_percent, 100) / 100))}%`);
  return made;
}

function regionTable(regions, viewer) {
  const names = REGIONS.filter((name) => regions[name]?.volume_ml !== undefined);
  if (names.length === 0) return null;
  const heads = ["region", "volume_ml", "lesion_ml", "lesion_percent", "high_opacity_percent"];
  const rows = names.map((name) => {
    const { volume_ml, lesion_ml, lesion_percent, high_opacity_percent } = regions[name];
    const cells = [number(volume_ml), lesionMl(lesion_ml, regions), number(lesion_percent, 1), number(high_opacity_percent, 1)];
    return row(regionHead(name, viewer), cells, rowKind(name));
  });
  const shown = table(t("result.table.caption"), heads.map((name) => t(`result.head.${name}`)), rows);
  shown.classList.add("regions");
  return built("div", "", scroller(t("result.table.caption"), shown), disclosure(t("result.table.more"), allQuantities(names, regions)));
}

function regionHead(name, viewer) {
  if (!ZONES.includes(name)) return rowName(name);
  const made = button(rowName(name), () => viewer.goToZone(name), "plain");
  made.dataset.zone = name;
  made.setAttribute("aria-label", t("result.show_zone", { zone: regionName(name) }));
  return made;
}

function allQuantities(names, regions) {
  const rows = names.map((name) => row(rowName(name), QUANTITIES.map(([key, digits]) => number(regions[name][key], digits)), rowKind(name)));
  const shown = table(t("result.table.more"), [t("result.head.region"), ...QUANTITIES.map(([key]) => t(`result.head.${key}`))], rows);
  for (const [place, [key]] of QUANTITIES.entries()) {
    shown.tHead.rows[0].cells[place + 1].append(" ", definition(key, t(`result.head.${key}`)));
  }
  return scroller(t("result.table.more"), shown);
}
