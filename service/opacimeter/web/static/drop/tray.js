// The tray: what is being sent, how far it is, and what became of it.

import { build, bytes, iconButton, number } from "../elements.js";
import { counted, sentenceOf, t } from "../language.js";

/** One entry of the list of sendings; it keeps itself up to date. */
export function entryOf(sending, { dismiss }) {
  const bar = build("progress", { max: 1, value: 0 });
  const title = build("strong", { dir: "auto" });
  const line = build("span", { class: "line" });
  const told = build("div", { class: "told", role: "status" });
  const buttons = build("span", { class: "buttons" });
  const entry = build("li", { class: "sending" }, title, line, buttons, bar, told);
  const began = Date.now();

  function move() {
    bar.value = sending.total === 0 ? 1 : sending.sent / sending.total;
    line.textContent = lineOf(sending, began);
  }

  function change() {
    entry.dataset.state = sending.state;
    title.textContent = sending.name || t("page.drop.title-files");
    bar.hidden = sending.over;
    bar.setAttribute("aria-label", t("page.drop.progress"));
    if (sending.state === "filing") bar.removeAttribute("value");
    else move();
    line.textContent = lineOf(sending, began);
    told.replaceChildren(...outcomeOf(sending));
    buttons.replaceChildren(...buttonsOf(sending, dismiss));
  }

  sending.addEventListener("progress", move);
  sending.addEventListener("change", change);
  entry.change = change;
  change();
  return entry;
}

function lineOf(sending, began) {
  const { state, sent, total, files } = sending;
  if (state === "filing") return t("page.drop.filing");
  if (sending.over) return "";
  const amount = t("page.drop.amount", {
    files: number(sending.filesSent), of_files: number(files.length), sent: bytes(sent), of: bytes(total),
  });
  if (state === "waiting") return `${counted("page.drop.files", files.length)} · ${t("page.drop.waiting")}`;
  const seconds = (Date.now() - began) / 1000;
  if (state !== "sending" || seconds < 3 || sent === 0) return amount;
  const left = Math.ceil((seconds * (total - sent)) / sent);
  return `${amount} · ${t(left > 90 ? "page.drop.minutes-left" : "page.drop.seconds-left", { count: left > 90 ? Math.ceil(left / 60) : left })}`;
}

function outcomeOf(sending) {
  const { state, failure } = sending;
  if (state === "broken") return [build("p", { class: "bad" }, brokenOf(sending))];
  if (state === "failed") return [build("p", { class: "bad" }, failure.message)];
  if (state === "stopped") return [build("p", {}, t("page.drop.stopped"))];
  return state === "done" ? received(sending.answer) : [];
}

function brokenOf({ failure, files, filesSent, pauseEnds }) {
  const why = navigator.onLine ? failure.message : t("page.drop.offline");
  const missing = counted("page.drop.missing", files.length - filesSent);
  const again = t("page.drop.again-in", { seconds: Math.max(1, Math.round((pauseEnds - Date.now()) / 1000)) });
  return `${why} ${missing} ${again}`;
}

function received({ assessments, refused }) {
  const known = assessments.filter((study) => !study.new).length;
  const told = build("p", {}, counted("page.drop.received", assessments.length));
  if (known > 0) told.append(` ${counted("page.drop.known", known)}`);
  const links = assessments.map((study, index) =>
    build("a", { href: `#/assessments/${study.id}` }, assessments.length === 1 ? t("page.open") : t("page.drop.open-number", { number: index + 1 })));
  const refusals = refused.map((study) =>
    build("p", { class: "bad" }, t("page.drop.refused", { why: study.checks.map(sentenceOf).join(" ") })));
  return [told, build("p", { class: "links" }, links), ...refusals];
}

function buttonsOf(sending, dismiss) {
  if (sending.over) return [iconButton("close", t("page.dismiss"), dismiss)];
  if (sending.state === "filing") return [];
  const stop = build("button", { type: "button", on: { click: () => sending.stop() } }, t("page.drop.stop"));
  if (sending.state !== "broken") return [stop];
  return [build("button", { type: "button", on: { click: () => sending.resume() } }, t("page.drop.now")), stop];
}
