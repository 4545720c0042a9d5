// How sure: the checks, which series, which model, how long it took.

import { element, number } from "../elements.js";
import { adviceOf, sentenceOf, t } from "../language.js";
import { built, disclosure, section } from "./parts.js";
import { list, spoken, translated } from "./words.js";

export function checkItem(check) {
  const text = sentenceOf(check);
  const item = built("li", check.severity, element("strong", t(`result.severity.${check.severity}`)), " ", spoken(element("span"), text, check.message));
  const advice = check.severity === "info" ? "" : adviceOf(check);
  if (advice) item.append(" ", element("span", advice, "advice"));
  item.dataset.code = check.code;
  return item;
}

/** The warnings, open to see; notes of what was done folded away. */
export function checks({ checks: made = [], status }) {
  const grave = made.filter((check) => check.severity !== "info");
  const notes = made.filter((check) => check.severity === "info");
  const part = section("checks", t("result.part.checks"));
  if (grave.length) part.append(built("ul", "checks", ...grave.map(checkItem)));
  else if (status === "complete") part.append(element("p", t("result.checks.none"), "quiet"));
  if (notes.length) part.append(disclosure(t("result.checks.notes", { n: notes.length }), built("ul", "checks", ...notes.map(checkItem))));
  return grave.length || notes.length || status === "complete" ? part : null;
}

export function facts(found) {
  const rows = [...seriesFacts(found.series), ...modelFacts(found)].filter(([, value]) => value !== null && value !== undefined && value !== "");
  if (rows.length === 0) return null;
  const shown = element("dl", "", "facts");
  for (const [name, value] of rows) {
    const given = element("dd");
    given.append(value);
    shown.append(built("div", "", element("dt", t(`result.fact.${name}`)), given));
  }
  return shown;
}

function seriesFacts(series) {
  if (!series?.uid) return [];
  const name = [series.number, series.description].filter((each) => each !== null && each !== undefined && each !== "").join(" · ");
  const reason = spoken(element("span"), translated(series.chosen_because), series.chosen_because);
  return [
    ["series", name],
    ["chosen", series.chosen_because ? reason : null],
    ["slices", slices(series)],
    ["scanner", [series.manufacturer, series.model].filter(Boolean).join(" ")],
    ["exposure", [series.kvp ? `${number(series.kvp)} kV` : "", series.kernel].filter(Boolean).join(" · ")],
  ];
}

function slices({ slices: count, thickness_mm, spacing_mm }) {
  const [step, row, column] = spacing_mm ?? [];
  if (step === undefined) return number(count);
  const values = { n: number(count), step: number(step, 2), row: number(row, 2), column: number(column, 2) };
  return t(thickness_mm == null ? "result.slices" : "result.slices.thick", { ...values, thickness: number(thickness_mm, 2) });
}

function modelFacts({ model, software, seconds, correction }) {
  return [
    ["model", model?.version ? t("result.model", { name: model.name, version: model.version, sha: (model.sha256 ?? "").slice(0, 12) }) : null],
    ["corrected", correction ? t("result.corrected", { author: correction.author, of: correction.of, reason: correction.reason }) : null],
    ["software", software ? `opacimeter ${software}` : null],
    ["seconds", seconds?.total === undefined ? null : times(seconds)],
  ];
}

function times(seconds) {
  const steps = ["read", "segment", "measure", "report"].filter((step) => seconds[step] !== undefined);
  const told = steps.map((step) => `${t(`result.step.${step}.short`)} ${number(seconds[step], 1)}`);
  return t("result.seconds", { total: number(seconds.total, 1), steps: list(told) });
}
