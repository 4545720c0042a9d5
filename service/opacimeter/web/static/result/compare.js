// Two studies side by side: both viewers scroll together; the numbers stand above each.

import { API, call, dateOf, element, number } from "../elements.js";
import { t } from "../language.js";
import { built, button } from "./parts.js";

/** What is needed to show another study: its result, and what makes a viewer. */
export async function fetched(id, version) {
  const [found, { createViewer }] = await Promise.all([call(`${API}/${id}?version=${version}`), import("../viewer/viewer.js")]);
  return { found, createViewer };
}

/**
 * Opens another study beside the one shown.
 *
 * @param {{images: HTMLElement, found: object, viewer: object}} here The images' column, what it
 *   shows, and its viewer.
 * @param {{found: object, createViewer: Function}} other As `fetched` gave it.
 * @param {() => void} left Called by the button that ends the comparison.
 * @returns {{column: HTMLElement, write: () => void, focus: () => void, close: () => void}} The
 *   caller keeps `column` beside the images; `write` words the captions anew.
 */
export function sideBySide(here, other, left) {
  const captions = [built("div", "caption"), built("div", "caption")];
  const place = element("div", "", "viewer-place");
  const column = built("div", "result-images second", captions[1], place);
  const end = button("", left, "end");
  const write = () => {
    end.textContent = t("result.compare.close");
    captions[0].replaceChildren(...caption(here.found, t("result.compare.now")));
    captions[1].replaceChildren(...caption(other.found, t("result.compare.other")), end);
  };
  write();
  here.images.prepend(captions[0]);
  here.images.after(column);
  const second = other.createViewer(place, other.found, { second: true });
  const unlink = here.viewer.linkWith(second);
  const close = () => {
    unlink();
    second.close();
    column.remove();
    captions[0].remove();
  };
  return { column, write, close, focus: () => end.focus() };
}

function caption({ study, summary, series }, name) {
  const told = summary?.lesion_percent === undefined ? "" : t("result.compare.told", { ml: number(summary.lesion_ml), percent: number(summary.lesion_percent, 1) });
  return [element("strong", `${name} · ${dateOf(study?.date) || "–"}`), " ", element("span", told), " ",
    element("span", t("result.compare.slices", { n: number(series?.slices), mm: number(series?.spacing_mm?.[0], 1) }), "quiet")];
}
