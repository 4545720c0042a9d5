// Why an assessment has no numbers, and what is to be known about the numbers it has.

import { adviceOf, current, sentenceOf, t } from "../language.js";

// The service words failures in English, with the place for its log; these are known by their words.
const FAILURES = [
  [/^The worker ended/, "page.failed.worker"],
  [/longer than/, "page.failed.late"],
  [/memory/, "page.failed.memory"],
  [/internal error/, "page.failed.internal"],
];

/** Sentences: the reason, then what to do. Empty where there is nothing to explain. */
export function whyNot({ status, checks, error }) {
  if (status === "failed") return [failure(error)];
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

function failure(error) {
  if (!error) return t("page.failed.internal");
  const known = FAILURES.find(([words]) => words.test(error));
  return current() === "en" || !known ? error : t(known[1]);
}
