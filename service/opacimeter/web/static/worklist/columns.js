// The columns of the worklist, in order; those with `sort` can be sorted by it.

import { build } from "../elements.js";
import { t } from "../language.js";

export const COLUMNS = [
  { name: "patient", sort: "patient", first: "asc" },
  { name: "study-date", sort: "study_date", first: "desc" },
  { name: "description" },
  { name: "received", sort: "received", first: "desc" },
  { name: "status", sort: "status", first: "asc" },
  { name: "percent", sort: "lesion_percent", first: "desc", figure: true },
  { name: "ml", figure: true },
  { name: "grade", figure: true },
  { name: "warnings", figure: true },
  { name: "review" },
  { name: "actions" },
];

const SPOKEN = { asc: "ascending", desc: "descending" };

/** A column's head. `asked` holds sort and order; `sort(name, order)` asks for others. */
export function headOf(column, asked, sort) {
  const text = t(`page.column.${column.name}`);
  const head = build("th", { scope: "col", class: column.figure ? "figure" : null });
  if (!column.sort) {
    head.append(column.name === "actions" ? build("span", { class: "hidden" }, text) : text);
    return head;
  }
  const active = asked.sort === column.sort;
  head.setAttribute("aria-sort", active ? SPOKEN[asked.order] : "none");
  const turned = asked.order === "asc" ? "desc" : "asc";
  const next = active ? turned : column.first;
  head.append(build("button", { type: "button", "data-sort": column.sort, on: { click: () => sort(column.sort, next) } }, text));
  return head;
}
