// Language: every text people read, by key. The service holds them; nothing is worded here.

const KEPT = "opacimeter.language";

let tag = "en";
let texts = {};

export const current = () => tag;

export const has = (key) => Object.hasOwn(texts, key);

/** The text of a key, with its places filled in. */
export function t(key, values = {}) {
  if (!has(key)) return key;
  return texts[key].replace(/\{(\w+)\}/g, (place, name) => values[name] ?? place);
}

/** The text for a number of things: `key.one` or `key.other`, whose place is {count}. */
export function counted(key, count, values = {}) {
  const form = new Intl.PluralRules(tag).select(count) === "one" ? "one" : "other";
  return t(`${key}.${form}`, { count: count.toLocaleString(tag), ...values });
}

/** The text of a key, or null where there is none or one of its places has no value. */
export function whole(key, values = {}) {
  const text = has(key) ? t(key, values) : null;
  return text === null || /\{\w+\}/.test(text) ? null : text;
}

/**
 * A check as a sentence. English is the check's own; others have templates for its numbers. Where
 * one code has several facts behind it, the names in its detail tell which:
 * `checks.contrast-medium.heart_hu` beside `checks.contrast-medium`.
 */
export function sentenceOf({ code, message, detail }) {
  if (tag === "en") return message;
  const names = Object.keys(detail ?? {}).sort().join("-");
  return whole(`checks.${code}.${names}`, detail ?? {}) ?? whole(`checks.${code}`, detail ?? {}) ?? message;
}

/** What to do about a check, or nothing where there is nothing to do. */
export function adviceOf(check) {
  const key = `checks.${check.code}.what_to_do`;
  return has(key) ? t(key, check.detail ?? {}) : "";
}

/** Load a language, the one kept or the browser's where none is named, and fill the page. */
export async function load(wanted = localStorage.getItem(KEPT) ?? preferred()) {
  const chosen = offered().includes(wanted) ? wanted : "en";
  const answer = await fetch(`/language/${chosen}.json`);
  if (!answer.ok) throw new Error(`language ${chosen}: ${answer.status}`);
  texts = await answer.json();
  tag = chosen;
  document.documentElement.lang = tag;
  fill(document);
}

/** Change the language for good; "languagechanged" tells the parts that hold texts of their own. */
export async function switchTo(wanted) {
  await load(wanted);
  localStorage.setItem(KEPT, tag);
  document.dispatchEvent(new Event("languagechanged"));
}

/** Put the texts in where the markup names them: data-text, data-label, data-placeholder. */
export function fill(root) {
  for (const each of root.querySelectorAll("[data-text]")) each.textContent = t(each.dataset.text);
  for (const each of root.querySelectorAll("[data-label]")) {
    each.setAttribute("aria-label", t(each.dataset.label));
  }
  for (const each of root.querySelectorAll("[data-placeholder]")) {
    each.placeholder = t(each.dataset.placeholder);
  }
}

function offered() {
  return [...document.querySelectorAll("#language option")].map((option) => option.value);
}

// zh, zh-TW and zh-Hant are sent to what is nearest here; a language that is not here, to English.
function preferred() {
  for (const wanted of navigator.languages ?? [navigator.language]) {
    const family = wanted.split("-")[0].toLowerCase();
    const near = offered().find((each) => each.split("-")[0] === family);
    if (near) return near;
  }
  return "en";
}
