// The change since the earlier study, in words and as a table.

import { dateOf, element, number } from "../elements.js";
import { t } from "../language.js";
import { built, link, row, scroller, table } from "./parts.js";
import { REGIONS, rowKind, rowName, signed, textOr } from "./words.js";

const QUANTITIES = [["volume_ml", 0], ["lesion_ml", 0], ["lesion_percent", 1], ["high_opacity_percent", 1]];

/** What keeps the change from being read plainly, in sentences. */
export function caveats(prior) {
  const codes = (prior?.caveats ?? []).map(({ code, detail }) => textOr(`result.caveat.${code}`, shown(detail), textOr(`result.caveat.${code}.plain`, {}, code)));
  return [...new Set(codes)];
}

function shown(detail = {}) {
  const one = (value) => typeof value === "number" ? number(value, Number.isInteger(value) ? 0 : 1) : value ?? "–";
  return Object.fromEntries(Object.entries(detail).map(([name, value]) => [name, one(value)]));
}

export function change(prior, href) {
  const title = built("p", "chart-title", t("result.change.since", { date: dateOf(prior.study?.date) || "–", days: number(prior.days) }), " ", link(t("result.change.open"), href));
  const lungs = prior.regions?.lungs ?? {};
  const told = built("p", "change-line", ...[["lesion_ml", 0, " ml"], ["lesion_percent", 1, ""]].map(([name, digits, unit]) => figure(name, lungs[name], digits, unit)));
  const within = prior.within_interval;
  const verdict = within === true ? "result.change.within" : within === false ? "result.change.beyond" : "result.change.unknown";
  const list = built("ul", "checks", ...caveats(prior).map((text) => element("li", text, "warning")));
  return built("div", "change", title, told, element("p", t(verdict), "verdict"), list, changeTable(prior));
}

function figure(name, values, digits, unit) {
  if (!values) return null;
  const change = t(`result.change.${name}`, { change: signed(values.change, digits) });
  const ends = t("result.change.from_to", { before: number(values.before, digits) + (unit || " %"), now: number(values.now, digits) + (unit || " %") });
  return built("span", `figure ${values.change > 0 ? "more" : "less"}`, element("strong", change), " ", element("span", ends, "quiet"));
}

function changeTable({ regions = {} }) {
  const names = REGIONS.filter((name) => regions[name]);
  const rows = names.map((name) => row(rowName(name), QUANTITIES.map(([key, digits]) => cell(regions[name][key], digits)), rowKind(name)));
  const shown = table(t("result.change.table"), [t("result.head.region"), ...QUANTITIES.map(([key]) => t(`result.head.${key}`))], rows);
  shown.classList.add("regions");
  return scroller(t("result.change.table"), shown);
}

function cell(values, digits) {
  if (!values) return "–";
  return built("span", "changed", element("strong", signed(values.change, digits)), " ", element("span", `${number(values.before, digits)} → ${number(values.now, digits)}`, "quiet"));
}
