// Since when: the patient's other studies, the change, the trend, two studies side by side.

import { API, call, dateOf, element, number } from "../elements.js";
import { t } from "../language.js";
import { change } from "./change.js";
import { addressOf } from "./documents.js";
import { built, button, link, row, scroller, section, table } from "./parts.js";
import { list, textOr } from "./words.js";
import { trend } from "./trend.js";

/**
 * @param {object} found The assessment.
 * @param {(id: string, version: number) => void} compare Shows a study beside this one.
 */
export function followUp(found, compare) {
  const place = element("div");
  const part = section("follow-up", t("result.part.follow_up"));
  const { prior } = found;
  if (prior) part.append(change(prior, addressOf(prior.id, prior.version)));
  part.append(place);
  call(`${API}/${found.id}/follow-up`).then(
    (answer) => place.replaceChildren(...course(answer, compare)),
    (error) => place.replaceChildren(element("p", error.message, "message bad")),
  );
  return part;
}

function course(answer, compare) {
  const all = answer.studies ?? [];
  const same = all.filter((study) => !study.mismatch?.length);
  const measured = same.filter((study) => study.lesion_percent != null);
  const parts = [];
  if (measured.length > 1) parts.push(trend(measured));
  if (same.length > 1) parts.push(studyTable(same, compare));
  else parts.push(element("p", t("result.follow_up.none"), "quiet"));
  const others = [...all.filter((study) => study.mismatch?.length), ...(answer.mismatched ?? [])];
  if (others.length) parts.push(mismatched(others));
  return parts;
}

function studyTable(studies, compare) {
  const heads = ["date", "description", "lesion_ml", "lesion_percent", "volume_ml", "beside"].map((name) => t(`result.follow_up.${name}`));
  const rows = [...studies].reverse().map((study) => {
    const date = dateOf(study.study?.date) || "–";
    const name = study.current ? element("strong", date) : link(date, addressOf(study.id));
    return row(name, [study.study?.description ?? "–", number(study.lesion_ml), percentOf(study), number(study.volume_ml), besides(study, date, compare)]);
  });
  const shown = table(t("result.follow_up.table"), heads, rows);
  shown.classList.add("studies");
  return scroller(t("result.follow_up.table"), shown);
}

function besides(study, date, compare) {
  if (study.current) return element("span", t("result.follow_up.this"), "quiet");
  if (study.status !== "complete") return t(`result.state.${study.status}`);
  const made = button(t("result.compare"), () => compare(study.id, study.version), "plain");
  made.setAttribute("aria-label", t("result.compare.with", { date }));
  return made;
}

function percentOf({ lesion_percent, interval_90_percent: ends }) {
  const percent = element("strong", number(lesion_percent, 1));
  return built("span", "changed", percent, ends && element("span", t("result.range", { low: number(ends[0], 1), high: number(ends[1], 1) }), "quiet"));
}

function mismatched(studies) {
  const items = studies.map((study) => {
    const why = list((study.mismatch ?? []).map((name) => textOr(`result.mismatch.${name}`, {}, String(name))));
    return built("li", "warning", link(dateOf(study.study?.date) || study.id, addressOf(study.id)), " ", element("span", why));
  });
  return built("div", "mismatched", element("p", t("result.mismatch"), "message bad"), built("ul", "checks", ...items));
}
