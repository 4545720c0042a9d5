// Why an assessment has no numbers, and what is to be known about the numbers it has.

import { adviceOf, sentenceOf, t } from "../language.js";
import { translated } from "../result/words.js";

/** Sentences: the reason, then what to do. Empty where there is nothing to explain. */
export function whyNot({ status, checks, error }) {
  if (status === "failed") return [error ? translated(error) : t("page.failed.internal")];
  if (status !== "rejected") return [];
  const reasons = (checks ?? []).filter((check) => check.severity === "reject");
  const advice = [...new Set(reasons.map(adviceOf).filter(Boolean))];
  return [...new Set(reasons.map(sentenceOf)), ...(advice.length > 0 ? advice : [t("page.advice.rejected")])];
}

/** All checks as { severity, text }, the graver first. */
export function remarksOf({ checks }) {
  const graver = ["reject", "warning", "info"];
  return (checks ?? [])
    .map((check) => ({ severity: check.severity, text: sentenceOf(check) }))
    .sort((a, b) => graver.indexOf(a.severity) - graver.indexOf(b.severity));
}
