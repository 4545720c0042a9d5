// Words of the result: texts that may be missing, sentences of the service, numbers with signs.

import { number } from "../elements.js";
import { current, t, whole } from "../language.js";

export const REGIONS = [
  "lungs", "right-lung", "right-upper", "right-middle", "right-lower",
  "left-lung", "left-upper", "left-middle", "left-lower",
];

export const ZONES = REGIONS.filter((name) => name.endsWith("er") || name.endsWith("middle"));

export const regionName = (name) => textOr(`result.region.${name}`, {}, name);

/** Under its lung's row a zone needs no side. */
export const rowName = (name) => ZONES.includes(name) ? t(`result.level.${name.split("-")[1]}`) : regionName(name);

export const rowKind = (name) => name === "lungs" ? "whole" : ZONES.includes(name) ? "third" : "lung";

/** The text of a key, or `fallback` where there is none or one of its places has no value. */
export const textOr = (key, values, fallback) => whole(key, values) ?? fallback;

/** Millilitres of opacity: small burdens to a tenth, and then everywhere, so that they compare. */
export const lesionMl = (ml, regions) => number(ml, regions?.lungs?.lesion_ml < 100 ? 1 : 0);

/** A change: with its sign, and a zero without one. */
export function signed(value, digits = 0) {
  const text = number(value, digits);
  return Number(value.toFixed(digits)) > 0 ? `+${text}` : text.replace(/^−(?=[0.]+$)/, "");
}

export const list = (words) => words.join(t("result.list.separator"));

/** Sentences one after the other: Chinese puts no space between them. */
export const sentences = (parts) => parts.filter(Boolean).reduce((first, next) => first ? t("result.sentences", { first, next }) : next, "");

export const isEnglish = () => current() === "en";

/**
 * Sentences that the service made of a fixed vocabulary, in the page's language: the key of one is
 * the sentence in small letters with every number an n, and where that has no text, with what stands
 * in brackets an x. What has no key stays as it came.
 */
export function translated(told) {
  const text = String(told ?? "").trim().replace(/\.\.$/, ".");
  if (isEnglish() || text === "") return text;
  return sentences(text.split(/(?<=\.)\s+/).map(sentence));
}

/** One sentence: whole, or by its clauses. */
function sentence(text) {
  return phrase(text) ?? sentences(text.split(/(?<=[;:])\s+/).map((clause) => phrase(clause) ?? codes(clause) ?? clause));
}

const NUMBER = /(?<![\w.])-?\d+(?:\.\d+)*/g; // UIDs are numbers, too
const BRACKETS = /\(([^()]*)\)/g;
const MARKS = { ".": "stop", ";": "semicolon", ":": "colon" };

function phrase(text) {
  const inside = [...text.matchAll(BRACKETS)].map(([, words]) => words);
  return worded(text, []) ?? (inside.length ? worded(text.replace(BRACKETS, "x"), inside) : null);
}

function worded(text, inside) {
  const slug = text.replace(NUMBER, "n").toLowerCase().replace(/[^a-z]+/g, "-").replace(/^-|-$/g, "");
  const numbered = (name, values) => values.map((value, place) => [`${name}${place + 1}`, value]);
  const values = Object.fromEntries([...numbered("n", text.match(NUMBER) ?? []), ...numbered("x", inside)]);
  const found = textOr(`result.sentence.${slug}`, values, null);
  return found === null || /\p{P}$/u.test(found) || !(text.at(-1) in MARKS) ? found : found + t(`result.sentence.${MARKS[text.at(-1)]}`);
}

function codes(text) {
  const found = text.replace(/[.;]$/, "").split(", ").map((code) => textOr(`checks.${code}.name`, {}, null));
  return found.includes(null) ? null : list(found) + t("result.sentence.stop");
}

/** An element that holds a stranger's sentence: marked as English where it stayed so. */
export function spoken(target, text, original) {
  target.textContent = text;
  if (!isEnglish() && text === String(original ?? "").trim()) target.lang = "en";
  return target;
}
