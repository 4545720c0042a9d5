// The head of an assessment: whose it is, which study, which version, where it stands.

import { dateOf, element, namesOf, timeOf } from "../elements.js";
import { t } from "../language.js";
import { built } from "./parts.js";
import { textOr } from "./words.js";

/** @param {HTMLElement[]} actions Buttons at the head's end. */
export function head(found, actions) {
  const { patient = {}, study = {} } = found;
  const [name, ...others] = namesOf(patient);
  const title = element("h2", name ?? patient.id ?? t("result.unnamed"), "patient-name");
  title.tabIndex = -1;
  const names = others.map((way) => element("span", way, "other-name"));
  const whose = built("p", "whose", ...facts([
    ["patient_id", patient.id], ["birth_date", dateOf(patient.birth_date)], ["sex", sexOf(patient.sex)],
  ]));
  const which = built("p", "which", ...facts([
    ["study_date", dateOf(study.date)], ["description", study.description], ["accession", study.accession],
  ]));
  return built("header", "result-head",
    built("div", "names", title, ...names), built("p", "actions", ...actions),
    built("div", "identity", whose, which), built("p", "chips", ...chips(found)));
}

function facts(rows) {
  return rows.filter(([, value]) => value).map(([name, value]) => built("span", "", element("span", t(`result.head_fact.${name}`), "label"), " ", element("span", value, "value")));
}

const sexOf = (sex) => sex ? textOr(`result.sex.${sex}`, {}, sex) : "";

function chips({ status, cancelling, version, correction, review }) {
  const state = element("span", t(cancelling ? "result.cancelling" : `result.state.${status}`), `state ${status}`);
  state.setAttribute("role", "status");
  const made = [state, element("span", t("result.version", { n: version }), "chip")];
  if (correction) made.push(element("span", t("result.corrected_by", { author: correction.author }), "chip corrected"));
  if (status === "complete") made.push(reviewChip(review));
  return made;
}

function reviewChip(review) {
  const state = review?.state ?? "pending";
  const text = state === "pending" ? t("result.review.pending") : t(`result.review.${state}_by`, { author: review.author });
  const chip = element("span", text, `chip review ${state}`);
  if (review?.reason) chip.title = [review.reason, review.time && timeOf(review.time)].filter(Boolean).join(" · ");
  return chip;
}
