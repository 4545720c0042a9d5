// The panel beside the images: the answer first, then what it rests on.

import { element } from "../elements.js";
import { t } from "../language.js";
import { answer } from "./answer.js";
import { density } from "./density.js";
import { documents, otherSeries, versions } from "./documents.js";
import { followUp } from "./follow_up.js";
import { lesions } from "./lesions.js";
import { paragraph } from "./paragraph.js";
import { built, button, section } from "./parts.js";
import { profile } from "./profile.js";
import { checks, facts } from "./quality.js";

/** @param {{artifacts, compare, choose, remove}} acts */
export function panel(found, viewer, { artifacts, compare, choose, remove }) {
  const parts = [
    answer(found, viewer), checks(found), profile(found, viewer), density(found), lesions(found, viewer),
    followUp(found, compare), paragraph(found), section("facts", t("result.part.facts"), facts(found)),
    otherSeries(found, choose), documents(artifacts),
    versions(found, button(t("result.remove"), remove, "danger")),
  ].filter(Boolean);
  const made = built("div", "result-panel", contents(parts), ...parts, element("p", t("result.notice"), "notice"), printed(artifacts));
  made.tabIndex = -1;
  return made;
}

const NAMED = ["answer", "checks", "profile", "lesions", "follow-up", "paragraph", "facts", "documents"];

/** The parts by name, at the panel's top; buttons, since the address belongs to the router. */
function contents(parts) {
  const named = NAMED.map((name) => [name, parts.find((part) => part.id === `part-${name}`)]).filter(([, part]) => part);
  const items = named.map(([name, part]) => {
    return built("li", "", button(t(`result.contents.${name}`), () => {
      part.scrollIntoView({ block: "start" });
      part.focus({ preventScroll: true });
    }, "plain"));
  });
  const made = built("nav", "contents", built("ul", "", ...items));
  made.setAttribute("aria-label", t("result.contents"));
  return made;
}

/** What stands on paper in the viewer's place. */
function printed(artifacts) {
  const overview = artifacts.find((made) => made.name === "overlay.png");
  if (!overview) return null;
  const picture = element("img");
  Object.assign(picture, { src: overview.href, alt: t("result.overview"), decoding: "async" });
  return built("figure", "on-paper", picture, element("figcaption", t("result.overview")));
}
