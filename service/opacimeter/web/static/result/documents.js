// Documents and versions.

import { API, call, element, number, timeOf } from "../elements.js";
import { current, t } from "../language.js";
import { built, link, row, scroller, section, table } from "./parts.js";
import { spoken, textOr, translated } from "./words.js";

export const addressOf = (id, version) => `#/assessments/${id}${version ? `/versions/${version}` : ""}`;

/** The PDF in the page's language first. */
export function reports(artifacts) {
  const made = artifacts.filter(({ name }) => /^report\..+\.pdf$/.test(name));
  const mine = ({ name }) => name === `report.${current()}.pdf` ? 0 : 1;
  return made.sort((a, b) => mine(a) - mine(b));
}

export function documents(artifacts) {
  if (artifacts.length === 0) return null;
  const pdfs = reports(artifacts);
  const ordered = [...pdfs, ...artifacts.filter((each) => !pdfs.includes(each))];
  const items = ordered.map((made) => {
    const entry = link(textOr(`result.document.${made.name}`, {}, made.name), made.href);
    if (made.media_type === "application/pdf") entry.target = "_blank";
    return built("li", "", entry, " ", element("span", sizeOf(made.size_bytes), "quiet"));
  });
  return section("documents", t("result.part.documents"), built("ul", "documents", ...items));
}

function sizeOf(bytes) {
  return bytes < 1e6 ? `${number(Math.max(bytes / 1e3, 0.1), 1)} kB` : `${number(bytes / 1e6, 1)} MB`;
}

/** The versions with what tells them apart; the list comes later, its place at once. */
export function versions(found, ...acts) {
  const place = element("div");
  const part = section("versions", t("result.part.versions"), place, ...acts);
  call(`${API}/${found.id}/versions`).then(
    (answer) => place.replaceChildren(versionTable(found, answer.versions)),
    (error) => place.replaceChildren(element("p", error.message, "message bad")),
  );
  return part;
}

function versionTable(found, all) {
  const heads = ["version", "made", "state", "made_by", "lesion", "review"].map((name) => t(`result.versions.${name}`));
  const rows = [...all].reverse().map((version) => {
    const here = version.version === found.version;
    const name = here ? element("strong", number(version.version)) : link(number(version.version), addressOf(found.id, version.version));
    name.setAttribute("aria-label", t(here ? "result.versions.this" : "result.versions.open", { n: version.version }));
    if (here) name.setAttribute("aria-current", "page");
    return row(name, [
      timeOf(version.created), t(`result.state.${version.status}`), madeBy(version), lesionOf(version.summary), reviewOf(version.review),
    ]);
  });
  return scroller(t("result.part.versions"), table(t("result.part.versions"), heads, rows));
}

function madeBy({ correction, model, series_uid }) {
  if (correction) return t("result.versions.corrected", { of: correction.of, author: correction.author, reason: correction.reason });
  const named = model?.version ? `${model.name} ${model.version}` : "–";
  return series_uid ? `${named} · ${t("result.versions.other_series")}` : named;
}

function lesionOf(summary) {
  if (summary?.lesion_percent === undefined) return "–";
  return `${number(summary.lesion_ml)} ml · ${number(summary.lesion_percent, 1)} %`;
}

const reviewOf = (review) => review?.state && review.state !== "pending" ? t(`result.review.${review.state}_by`, { author: review.author }) : "–";

/** The other series of the study: why they were not chosen, and a way to have one measured. */
export function otherSeries({ series }, choose) {
  const others = series?.others ?? [];
  if (others.length === 0) return null;
  const name = "other-series";
  const form = built("form", "other-series", ...others.map((other, place) => choice(name, other, place)));
  const submit = element("button", t("result.series.assess"));
  const told = element("p", "", "message bad");
  told.setAttribute("role", "alert");
  form.append(submit, told);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.disabled = true;
    try {
      await choose(new FormData(form).get(name));
    } catch (error) {
      told.textContent = error.message;
      submit.disabled = false;
    }
  });
  return section("series", t("result.part.series"), element("p", t("result.series.intro", { n: others.length }), "quiet"), form);
}

function choice(name, { uid, why_not, number: place_in_study, description }, place) {
  const radio = element("input");
  Object.assign(radio, { type: "radio", name, value: uid, required: true });
  const title = [place_in_study, description].filter(Boolean).join(" · ") || t("result.series.ending", { end: uid.slice(-12) });
  const label = built("label", "choice", radio, built("span", "", element("span", title), " ", spoken(element("span", "", "quiet"), translated(why_not), why_not)));
  label.title = uid;
  radio.checked = place === 0;
  return label;
}
