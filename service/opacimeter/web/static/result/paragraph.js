// The answer as a paragraph to copy into a report: how much, where, how dense, how sure, since when.
// It tells of opacity alone; what causes it is the reader's to say.

import { dateOf, element, number } from "../elements.js";
import { sentenceOf, t } from "../language.js";
import { caveats } from "./change.js";
import { built, button, section } from "./parts.js";
import { ZONES, lesionMl, list, regionName, sentences, signed } from "./words.js";

const NAMED = 3; // zones named, the fullest first

export function paragraph(found) {
  if (!found.regions?.lungs) return null;
  const text = element("p", paragraphOf(found), "paragraph");
  text.tabIndex = 0;
  const told = element("span", "", "quiet");
  told.setAttribute("role", "status");
  const copy = button(t("result.copy"), async () => {
    told.textContent = t(await copied(text) ? "result.copied" : "result.copy_by_hand");
  });
  return section("paragraph", t("result.part.paragraph"), text, built("p", "", copy, " ", told));
}

/** Without a secure context there is no clipboard to write to: then the text is selected. */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(text);
    return false;
  }
}

export function paragraphOf(found) {
  return sentences([what(found), howMuch(found), sides(found), where(found), howDense(found), scores(found), ...since(found.prior), ...howSure(found), madeBy(found)]);
}

function what({ study, series, regions }) {
  const values = { date: dateOf(study?.date) || "–", n: number(series?.slices), mm: number(series?.spacing_mm?.[0], 1), ml: number(regions.lungs.volume_ml) };
  return t("result.paragraph.what", { ...values, right: number(regions["right-lung"]?.volume_ml), left: number(regions["left-lung"]?.volume_ml) });
}

function howMuch({ summary, regions }) {
  const { lesion_percent, lesion_ml, interval_90_percent: ends } = summary;
  const values = { ml: lesionMl(lesion_ml, regions), percent: number(lesion_percent, 1) };
  if (summary.below_detection_limit) return t("result.paragraph.below", { percent: number(lesion_percent, 2), limit: number(summary.detection_limit_percent, 2) });
  if (!ends) return t("result.paragraph.lesion", values);
  return t("result.paragraph.lesion_interval", { ...values, low: number(ends[0], 1), high: number(ends[1], 1) });
}

function sides({ summary, regions }) {
  if (summary.below_detection_limit) return "";
  const side = (name) => ({ [`${name}_ml`]: lesionMl(regions[`${name}-lung`]?.lesion_ml, regions), [`${name}_percent`]: number(regions[`${name}-lung`]?.lesion_percent, 1) });
  return t("result.paragraph.sides", { ...side("right"), ...side("left") });
}

function where({ summary, regions }) {
  const burdened = ZONES.filter((name) => regions[name]?.lesion_ml >= 0.5).sort((a, b) => regions[b].lesion_ml - regions[a].lesion_ml);
  if (summary.below_detection_limit || burdened.length === 0) return "";
  const told = burdened.slice(0, NAMED).map((name) => t("result.paragraph.zone", { zone: regionName(name), ml: lesionMl(regions[name].lesion_ml, regions), percent: number(regions[name].lesion_percent, 1) }));
  return t("result.paragraph.where", { zones: list(told) });
}

function howDense({ summary, regions }) {
  const { lungs } = regions;
  if (summary.below_detection_limit || lungs.lesion_mean_hu === undefined) return "";
  return t("result.paragraph.dense", { ml: lesionMl(lungs.high_opacity_ml, regions), percent: number(lungs.high_opacity_percent, 1), hu: number(lungs.lesion_mean_hu) });
}

function scores({ summary: { ct_ss, zone_score } }) {
  const told = [];
  if (ct_ss) told.push(t(ct_ss.near_boundary ? "result.paragraph.ct_ss_near" : "result.paragraph.ct_ss", { grade: ct_ss.grade }));
  if (zone_score) told.push(t("result.paragraph.zone_score", { value: zone_score.value, of: zone_score.of }));
  return sentences(told);
}

function since(prior) {
  const { lesion_ml: ml, lesion_percent: percent } = prior?.regions?.lungs ?? {};
  if (!ml || !percent) return [t("result.paragraph.no_prior")];
  const values = {
    date: dateOf(prior.study?.date) || "–", days: number(prior.days), ml_before: number(ml.before), ml_change: signed(ml.change),
    percent_before: number(percent.before, 1), percent_change: signed(percent.change, 1),
  };
  return [t("result.paragraph.since", values), ...caveats(prior)];
}

function howSure({ checks = [] }) {
  const warnings = checks.filter((check) => check.severity === "warning");
  return warnings.length ? [t("result.paragraph.limits"), ...warnings.map(sentenceOf)] : [];
}

function madeBy({ model, software, version, correction }) {
  const values = { software, name: model?.name ?? "", model: model?.version ?? "", version };
  const made = t("result.paragraph.made", values);
  return sentences([correction ? t("result.paragraph.corrected", { author: correction.author }) : "", made]);
}
