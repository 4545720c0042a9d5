// What stands around the worklist's table: the drop bar, the filters, the empty states, the paging.

import { chooseButtons } from "../drop/drop.js";
import { build, iconButton, number } from "../elements.js";
import { t } from "../language.js";

const TYPING_MS = 250;
const SIZES = [25, 50, 100, 200];
const STATUSES = ["received", "queued", "running", "complete", "rejected", "failed", "cancelled"];
const KEPT_SIZE = "opacimeter.rows";

/** Rows on a page, as chosen here before. */
export function pageSize() {
  const kept = Number(localStorage.getItem(KEPT_SIZE));
  return SIZES.includes(kept) ? kept : 50;
}

export function dropBar() {
  const text = build("p", {}, build("strong", {}, t("page.drop.title")), ` ${t("page.drop.what")}`);
  return build("div", { id: "drop" }, text, build("p", { class: "buttons" }, chooseButtons()));
}

/** The search box; `search` is told what was typed once the typing rests. */
export function searchBox(value, search) {
  let typed = 0;
  const rest = (event) => {
    clearTimeout(typed);
    typed = setTimeout(() => search(event.target.value.trim()), TYPING_MS);
  };
  return build("input", {
    type: "search", value, autocomplete: "off", spellcheck: "false", maxlength: 200,
    placeholder: t("page.worklist.search-what"), "aria-label": t("page.worklist.search"),
    "aria-keyshortcuts": "/", on: { input: rest },
  });
}

export function statusFilter(value, choose) {
  const options = ["", ...STATUSES].map((status) => {
    const text = t(status ? `page.status.${status}` : "page.worklist.all");
    return build("option", { value: status, selected: status === value }, text);
  });
  return build("select", { "aria-label": t("page.worklist.status"), on: { change: (event) => choose(event.target.value) } }, options);
}

/** What to say instead of rows: how to begin, or how to see rows again. */
export function emptyState(filtered, clear) {
  if (filtered) {
    const button = build("button", { type: "button", on: { click: clear } }, t("page.worklist.clear"));
    return [build("p", {}, t("page.worklist.no-match")), build("p", {}, button)];
  }
  const steps = ["page.worklist.first.drop", "page.worklist.first.wait", "page.worklist.first.read"];
  return [build("h3", {}, t("page.worklist.none")), build("ol", {}, steps.map((step) => build("li", {}, t(step))))];
}

/** Which rows of how many. */
export function rangeOf({ assessments, total }, before) {
  const from = before + Math.min(1, assessments.length);
  return t("page.worklist.range", { from: number(from), to: number(before + assessments.length), total: number(total) });
}

/** Page size, range, back and on; `back` or `on` is null where there is no such page. */
export function paging(range, { back, on, resize }) {
  const previous = iconButton("previous", t("page.worklist.previous"), back);
  const next = iconButton("next", t("page.worklist.next"), on);
  [previous.disabled, next.disabled] = [back === null, on === null];
  const options = SIZES.map((size) => build("option", { value: size, selected: size === pageSize() }, number(size)));
  const chosen = (event) => {
    localStorage.setItem(KEPT_SIZE, event.target.value);
    resize();
  };
  const sizes = build("label", {}, `${t("page.worklist.rows")} `, build("select", { on: { change: chosen } }, options));
  return [sizes, build("span", {}, range), previous, next];
}

// "/" goes to the search, as elsewhere.
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target.closest("input, select, textarea, dialog")) return;
  const box = document.querySelector("#worklist:not([hidden]) input[type=search]");
  if (!box) return;
  event.preventDefault();
  box.focus();
});
