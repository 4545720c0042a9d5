// Drop: a study comes in by being dropped anywhere on the page, or chosen.

import { build, complain, get, say } from "../elements.js";
import { counted, t } from "../language.js";
import { Sending } from "./sending.js";
import { entryOf } from "./tray.js";
import { taken, walk } from "./walk.js";
import { wrongWith } from "./wrong.js";

let tray = null;
let tell = () => {};
let line = Promise.resolve(); // one drop is sent at a time: each is faster than both together
const sendings = new Map();

/** Take drops from now on. `list` shows the sendings; `received` is called when studies have come in. */
export function startDrop({ list, received }) {
  tray = list;
  tell = received;
  const curtain = build("div", { id: "curtain", hidden: true, "aria-hidden": true }, build("p", { "data-text": "page.drop.here" }, t("page.drop.here")));
  document.body.append(curtain);
  const shown = (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    curtain.hidden = false;
  };
  window.addEventListener("dragenter", shown);
  window.addEventListener("dragover", shown);
  window.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) curtain.hidden = true; // out of the window, not into another element
  });
  window.addEventListener("drop", (event) => {
    curtain.hidden = true;
    if (!carriesFiles(event)) return;
    event.preventDefault();
    const { name, roots } = taken(event.dataTransfer);
    take(roots, name).catch(complain);
  });
  window.addEventListener("beforeunload", (event) => {
    if ([...sendings.keys()].some((sending) => !sending.over)) event.preventDefault();
  });
  document.addEventListener("languagechanged", () => sendings.forEach((entry) => entry.change()));
}

/** The two buttons that choose instead of dropping. */
export function chooseButtons() {
  return [choice("page.drop.choose-folder", { webkitdirectory: true }), choice("page.drop.choose-files", {})];
}

function choice(key, attributes) {
  const input = build("input", { type: "file", multiple: true, hidden: true, ...attributes });
  input.addEventListener("change", () => {
    const files = [...input.files];
    const folder = files[0]?.webkitRelativePath?.split("/")[0];
    input.value = ""; // the same choice again is a choice, too
    take(files, folder || (files.length === 1 ? files[0].name : "")).catch(complain);
  });
  const button = build("button", { type: "button", "data-text": key, on: { click: () => input.click() } }, t(key));
  return build("span", {}, button, input);
}

async function take(roots, name) {
  say(null);
  let seen = 0;
  const files = await walk(roots, (count) => {
    // Reading a folder of thousands takes seconds; before that, words would only flicker.
    if (count >= seen + 200) say(() => counted("page.drop.looking", (seen = count)));
  });
  say(null);
  const wrong = await wrongWith(files);
  if (wrong !== null) {
    say(() => t(wrong, { name: name || files[0]?.name || "" }), { bad: true });
    return;
  }
  const sending = new Sending(files, name);
  const entry = entryOf(sending, { dismiss: () => dismiss(sending) });
  sendings.set(sending, entry);
  tray.append(entry);
  line = line.then(() => sending.run()).then(() => arrived(sending));
}

function arrived(sending) {
  if (sending.state === "stopped") dismiss(sending);
  if (sending.state !== "done") return;
  tell();
  const { assessments, refused } = sending.answer;
  // One study is opened; somebody who reads another is not taken away from it.
  if (assessments.length === 1 && refused.length === 0 && get("assessment").hidden) {
    dismiss(sending);
    location.hash = `#/assessments/${assessments[0].id}`;
  }
}

function dismiss(sending) {
  sendings.get(sending)?.remove();
  sendings.delete(sending);
}

function carriesFiles(event) {
  return [...(event.dataTransfer?.types ?? [])].includes("Files");
}
