// Two studies side by side: both viewers scroll together; the numbers stand above each.

import { API, call, dateOf, element, number } from "../elements.js";
import { t } from "../language.js";
import { built, button } from "./parts.js";

/**
 * Opens another study beside the one shown.
 *
 * @param {object} page `body` (the layout), `images` (with the first viewer), `found`, `viewer`,
 *   and `show` (makes a viewer in a place).
 * @returns {Promise<() => void>} Closes it again.
 */
export async function sideBySide(page, id, version) {
  const other = await call(`${API}/${id}?version=${version}`);
  const place = element("div", "", "viewer-place");
  const here = caption(page.found, t("result.compare.now"));
  const close = button(t("result.compare.close"), () => leave());
  const column = built("div", "result-images second", built("div", "caption", ...caption(other, t("result.compare.other")).childNodes, close), place);
  page.images.prepend(here);
  page.images.after(column);
  page.body.classList.add("comparing");
  const second = await page.show(place, other, { second: true });
  const unlink = page.viewer.linkWith(second);
  close.focus();
  function leave() {
    unlink();
    second.close();
    column.remove();
    here.remove();
    page.body.classList.remove("comparing");
  }
  return leave;
}

function caption(found, name) {
  const { study, summary, series } = found;
  const told = summary?.lesion_percent === undefined ? "" : t("result.compare.told", { ml: number(summary.lesion_ml), percent: number(summary.lesion_percent, 1) });
  return built("div", "caption", element("strong", `${name} · ${dateOf(study?.date) || "–"}`), " ", element("span", told), " ",
    element("span", t("result.compare.slices", { n: number(series?.slices), mm: number(series?.spacing_mm?.[0], 1) }), "quiet"));
}
