// An assessment that ended without numbers: why, and what to do.

import { element } from "../elements.js";
import { t } from "../language.js";
import { built } from "./parts.js";
import { checkItem } from "./quality.js";
import { spoken, translated } from "./words.js";

export function ended({ status, error, checks = [] }) {
  const part = built("section", `ended ${status}`, element("h3", t(`result.ended.${status}`)));
  const reasons = checks.filter((check) => check.severity === "reject");
  if (status === "rejected" && reasons.length) part.append(built("ul", "checks", ...reasons.map(checkItem)));
  if (error) part.append(spoken(element("p"), translated(error), error));
  part.append(element("p", t(`result.ended.${status}.what_to_do`)));
  return part;
}
