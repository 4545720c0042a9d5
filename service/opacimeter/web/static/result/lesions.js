// The listed opacities, largest first; each leads to its place.

import { element, number } from "../elements.js";
import { t } from "../language.js";
import { definition } from "./definitions.js";
import { button, row, scroller, section, table } from "./parts.js";
import { regionName } from "./words.js";

const FIRST = 8;

export function lesions({ lesions: found, status }, viewer) {
  if (status !== "complete" || !Array.isArray(found)) return null;
  const title = element("p", "", "chart-title");
  title.append(t("result.lesions.count", { n: found.length }), " ", definition("lesions", t("result.part.lesions")));
  if (found.length === 0) return section("lesions", t("result.part.lesions"), title);
  const heads = ["number", "zone", "volume_ml", "lesion_mean_hu", "slices"].map((name) => t(`result.lesions.${name}`));
  const shown = table(t("result.part.lesions"), heads, rows(found.slice(0, FIRST), 0, viewer));
  shown.classList.add("lesions");
  const part = section("lesions", t("result.part.lesions"), title, scroller(t("result.part.lesions"), shown));
  if (found.length > FIRST) {
    const more = button(t("result.lesions.all", { n: found.length }), () => {
      shown.tBodies[0].append(...rows(found.slice(FIRST), FIRST, viewer));
      shown.tBodies[0].rows[FIRST].querySelector("button").focus();
      more.remove();
    });
    part.append(more);
  }
  return part;
}

function rows(some, before, viewer) {
  return some.map((lesion, place) => {
    const go = button(number(before + place + 1), () => viewer.goToMm(lesion.centre_mm), "plain");
    go.setAttribute("aria-label", t("result.lesions.show", { n: before + place + 1, zone: regionName(lesion.region) }));
    const [first, last] = lesion.slices.map((slice) => slice + 1);
    return row(go, [regionName(lesion.region), number(lesion.volume_ml, 1), number(lesion.mean_hu), first === last ? number(first) : `${number(first)}–${number(last)}`]);
  });
}
