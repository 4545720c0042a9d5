// What all parts of the page use. Text only ever enters the document as text: what comes from
// DICOM headers is a stranger's.

import { current, has, sentenceOf, t } from "./language.js";

export const API = "/api/v1/assessments";

export const UNFINISHED = ["received", "queued", "running"];

export const get = (id) => document.getElementById(id);

export function element(name, text = "", className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

/** An element with attributes and children; a child may be text, an element, or nothing. */
export function build(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "on") for (const [event, act] of Object.entries(value)) made.addEventListener(event, act);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

const ICONS = {
  cancel: "M4 4h8v8H4z",
  close: "M4 4l8 8M12 4l-8 8",
  details: "M6 4l4 4-4 4",
  download: "M8 2v8M4.5 7L8 10.5 11.5 7M3 13.5h10",
  next: "M6 3l5 5-5 5",
  previous: "M10 3L5 8l5 5",
  remove: "M3 4.5h10M6.5 4V2.5h3V4M4.5 4.5l.5 9h6l.5-9M6.7 7v4M9.3 7v4",
  retry: "M13 8a5 5 0 1 1-1.6-3.7M13 2v3h-3",
  warning: "M8 2l6.5 12h-13zM8 6.5v3.5M8 11.8v.4",
};

/** A drawing of 16×16 in the colour of the text; what it means has to stand beside it. */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(space, "svg");
  drawing.setAttribute("viewBox", "0 0 16 16");
  drawing.setAttribute("class", "icon");
  drawing.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(space, "path");
  line.setAttribute("d", ICONS[name]);
  drawing.append(line);
  return drawing;
}

/** A button that shows a drawing alone; its name is read aloud and shown on hover. */
export function iconButton(name, label, act) {
  return build("button", { type: "button", class: "quiet-button", "aria-label": label, title: label, on: { click: act } }, icon(name));
}

/** An error with a sentence for people. `kind` is the problem document's, or "unreachable". */
export class Failure extends Error {
  constructor(kind, { status = 0, problem = null } = {}) {
    super();
    Object.assign(this, { kind, status, problem });
  }

  // Worded when it is shown, not when it happened: the language may have been changed since.
  get message() {
    const reasons = (this.problem?.checks ?? []).filter((check) => check.severity === "reject");
    if (reasons.length > 0) return [...new Set(reasons.map(sentenceOf))].join(" ");
    const key = `problems.${this.kind}`;
    return has(key) ? t(key, { status: this.status }) : t("problems.other", { status: this.status });
  }

  static of(status, problem) {
    const kind = problem?.type?.split(":").at(-1) ?? (status >= 502 && status <= 504 ? "unreachable" : "other");
    return new Failure(kind, { status, problem });
  }
}

/** Ask the service; the answer's JSON, or a Failure. */
export async function call(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure("unreachable");
  }
  const body = answer.status === 204 ? null : await answer.json().catch(() => null);
  if (!answer.ok) throw Failure.of(answer.status, body);
  return body;
}

export function number(value, digits = 0) {
  if (value === undefined || value === null) return "–";
  const form = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return value.toLocaleString(current(), form).replace("-", "−");
}

/** Bytes as people say them: 3.4 MB. */
export function bytes(count) {
  const power = Math.min(Math.floor(Math.log10(Math.max(count, 1)) / 3), 3);
  return `${number(count / 1000 ** power, power > 1 ? 1 : 0)} ${["B", "kB", "MB", "GB"][power]}`;
}

const HAN = /\p{Script=Han}/u;

/** The ways a name is written, the reader's own script first.
 *
 * PS3.5 6.2.1: up to three groups (alphabetic, ideographic, phonetic) divided by "=", each
 * family^given^middle^prefix^suffix. Names in Han characters are written without a comma.
 */
export function namesOf(patient) {
  const groups = (patient?.name ?? "").split("=").slice(0, 2).map((group) => {
    const parts = group.split("^").map((part) => part.trim()).filter(Boolean);
    return parts.join(HAN.test(group) ? "" : ", ");
  });
  const ways = [...new Set(groups.filter(Boolean))];
  return current().startsWith("zh") ? ways.sort((a, b) => HAN.test(b) - HAN.test(a)) : ways;
}

export const nameOf = (patient) => namesOf(patient).join(" / ");

export function dateOf(text) {
  return (text ?? "").replace(/^(\d{4})(\d{2})(\d{2})$/, "$1-$2-$3");
}

/** A moment as the reader's language writes it. */
export function timeOf(text) {
  return new Date(text).toLocaleString(current(), { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" });
}

/** Tell something above the page's parts; `wording` is called again when the language changes. */
export function say(wording, { bad = false } = {}) {
  told = { wording, bad };
  const text = wording?.() ?? "";
  const close = text && iconButton("close", t("page.dismiss"), () => say(null));
  get("message").className = bad ? "bad" : "";
  get("message").replaceChildren(...[text && build("p", {}, text), close].filter(Boolean));
}

export const complain = (error) => say(() => error.message, { bad: true });

let told = { wording: null };
document.addEventListener("languagechanged", () => say(told.wording, told));

/** Ask before something that cannot be undone; true where it was agreed to. */
export function confirmed({ title, text, action }) {
  const agree = build("button", { class: "danger", value: "yes" }, action);
  const dialog = build("dialog", { class: "confirm", "aria-labelledby": "confirm-title", "aria-describedby": "confirm-text" },
    build("form", { method: "dialog" },
      build("h2", { id: "confirm-title" }, title),
      build("p", { id: "confirm-text" }, text),
      build("p", { class: "buttons" }, build("button", { value: "no", autofocus: true }, t("page.keep")), agree)));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((done) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      done(dialog.returnValue === "yes");
    });
  });
}
