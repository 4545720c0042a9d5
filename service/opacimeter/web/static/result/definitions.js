// What each number means, one click away; the sentences are those of docs/measurements.md.

import { element } from "../elements.js";
import { t } from "../language.js";
import { explain } from "./dialogs.js";
import { button } from "./parts.js";
import { textOr } from "./words.js";

/** A small button beside a number that explains it. */
export function definition(name, label) {
  const made = button("?", () => {
    const paragraphs = [t(`result.definition.${name}`), textOr(`result.definition.${name}.source`, {}, "")];
    explain(label, paragraphs.filter(Boolean));
  }, "what");
  made.setAttribute("aria-label", t("result.definition.of", { what: label }));
  made.title = made.getAttribute("aria-label");
  return made;
}

/** A term with its definition's button. */
export function term(name, label) {
  const made = element("dt", `${label} `);
  made.append(definition(name, label));
  return made;
}
