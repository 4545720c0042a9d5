// One assessment in the worklist: its line, and below it what there is to say about it.

import { UNFINISHED, build, dateOf, icon, iconButton, namesOf, number, timeOf } from "../elements.js";
import { t } from "../language.js";
import { COLUMNS } from "./columns.js";
import { remarksOf, whyNot } from "./reasons.js";

/** A table body of its own. `acts` holds selected, opened and what the controls do. */
export function rowOf(found, acts) {
  const why = whyNot(found);
  const body = build("tbody", { "data-id": found.id, class: found.status });
  const line = build("tr", { "aria-selected": acts.selected ? "true" : null },
    build("td", {}, selector(found, acts)),
    ...COLUMNS.map(({ name, figure }) => build(name === "patient" ? "th" : "td",
      { class: [name, figure && "figure"].filter(Boolean).join(" "), scope: name === "patient" ? "row" : null },
      CELLS[name](found, acts))));
  body.append(line);
  if (why.length > 0 || acts.opened) body.append(detailsOf(found, why, acts.opened));
  return body;
}

const CELLS = {
  patient: (found) => {
    const [name, ...others] = namesOf(found.patient);
    const link = build("a", { class: "name", href: `#/assessments/${found.id}`, "data-act": "open" }, build("bdi", {}, name ?? t("page.unnamed")));
    return [link, others.map((other) => build("bdi", { class: "other" }, other)), build("span", { class: "id" }, found.patient?.id)];
  },
  "study-date": ({ study }) => dateOf(study?.date),
  description: ({ study }) => study?.description && build("bdi", {}, study.description),
  received: ({ created }) => build("time", { datetime: created }, timeOf(created)),
  status: statusOf,
  percent: ({ summary }) => number(summary?.lesion_percent, 1),
  ml: ({ summary }) => number(summary?.lesion_ml),
  grade: ({ summary }) => (summary?.ct_ss ? number(summary.ct_ss.grade) : "–"),
  warnings: warningsOf,
  review: ({ review }) => (review?.state ? build("span", { class: `review ${review.state}` }, t(`page.review.${review.state}`)) : "–"),
  actions: actionsOf,
};

function titleOf({ patient }) {
  return namesOf(patient)[0] || patient?.id || t("page.unnamed");
}

function selector(found, { selected, select }) {
  return build("input", {
    type: "checkbox", checked: selected, "data-act": "select", "aria-label": t("page.worklist.select", { name: titleOf(found) }),
    on: { change: (event) => select(event.target.checked) },
  });
}

function statusOf(found) {
  const { status, step, fraction, cancelling } = found;
  const chip = build("span", { class: `state ${status}` }, t(cancelling ? "page.status.cancelling" : `page.status.${status}`));
  if (status !== "running" || !step) return chip;
  const words = t(`page.step.${step}`);
  const percent = number(Math.floor(100 * fraction));
  return [chip, build("progress", { max: 1, value: fraction, "aria-label": words }), build("span", { class: "step" }, `${words} ${percent} %`)];
}

function warningsOf(found, { opened, toggle }) {
  const remarks = remarksOf(found).filter((remark) => remark.severity !== "reject"); // those stand below
  if (remarks.length === 0) return found.status === "complete" ? number(0) : "–";
  const warnings = remarks.filter((remark) => remark.severity === "warning").length;
  const hint = build("span", { class: "hint", role: "tooltip", id: `hint-${found.id}` }, remarks.map((remark) => build("span", {}, remark.text)));
  const button = build("button", {
    type: "button", class: "quiet-button", "data-act": "details", "aria-expanded": String(opened), "aria-describedby": hint.id,
    "aria-label": t("page.worklist.warnings", { count: number(warnings), name: titleOf(found) }), on: { click: toggle },
  }, warnings > 0 ? icon("warning") : icon("details"), number(warnings));
  return build("span", { class: warnings > 0 ? "warned" : "noted" }, button, hint);
}

function actionsOf(found, acts) {
  const name = titleOf(found);
  const buttons = [];
  const add = (drawing, key, act) => {
    const button = iconButton(drawing, t(key, { name }), act);
    button.dataset.act = drawing;
    buttons.push(button);
  };
  if (UNFINISHED.includes(found.status) && !found.cancelling) add("cancel", "page.action.cancel", acts.cancel);
  if (["rejected", "failed", "cancelled"].includes(found.status)) add("retry", "page.action.retry", acts.retry);
  add("remove", "page.action.remove", acts.remove);
  return buttons;
}

function detailsOf(found, why, opened) {
  const cell = build("td", { colspan: COLUMNS.length });
  if (why.length > 0) cell.append(build("p", { class: "why" }, build("strong", {}, `${t("page.why")} `), why.join(" ")));
  if (opened) {
    const remarks = remarksOf(found).filter((remark) => remark.severity !== "reject");
    cell.append(build("ul", {}, remarks.map(({ severity, text }) => build("li", { class: severity }, text))));
    const { uid, accession } = found.study ?? {};
    const identifiers = [accession && `${t("page.accession")} ${accession}`, uid && `StudyInstanceUID ${uid}`];
    cell.append(build("p", { class: "identifiers" }, identifiers.filter(Boolean).join(" · ")));
  }
  return build("tr", { class: "details" }, build("td"), cell);
}
