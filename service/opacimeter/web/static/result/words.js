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
 * A sentence that the service made of a fixed vocabulary, in the page's language: its key is the
 * sentence in small letters with every number an n. What has no key stays as it came.
 */
export function translated(sentence) {
  const text = String(sentence ?? "").trim();
  if (isEnglish() || text === "") return text;
  const known = phrase(text);
  if (known !== null) return known;
  const parts = text.split(/(?<=[.;:])\s+/);
  if (parts.length === 1) return text;
  return sentences(parts.map((part) => phrase(part) ?? codes(part) ?? part));
}

function phrase(text) {
  const numbers = text.match(/\d+(\.\d+)?/g) ?? [];
  const slug = text.toLowerCase().replace(/\d+(\.\d+)?/g, "n").replace(/[^a-z]+/g, "-").replace(/^-|-$/g, "");
  return textOr(`result.sentence.${slug}`, Object.fromEntries(numbers.map((value, place) => [`n${place + 1}`, value])), null);
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
