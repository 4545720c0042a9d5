// Correcting: the drawing tools over the viewer, and the dialog that saves a new version.

import { API, call, confirmed, element, number } from "../elements.js";
import { t } from "../language.js";
import { askAuthor } from "./dialogs.js";
import { built, button } from "./parts.js";
import { signed } from "./words.js";

const TOOLS = ["lesion", "lung", "erase"];
const RADIUS_MM = 5;

/**
 * Opens the painting mode.
 *
 * @param {object} page `images` (where the toolbar goes), `found`, `viewer`.
 * @param {{saved: (version: object) => void, left: () => void}} told
 * @returns {{unsaved: () => boolean, close: () => void}}
 */
export function paint({ images, found, viewer }, { saved, left }) {
  const { painting } = viewer;
  const amount = element("span", "", "amount");
  amount.setAttribute("role", "status");
  let [beat, able] = [null, null];
  const tell = () => { amount.textContent = stateText(able, painting); };
  const unsaved = () => beat !== null && painting.changed().voxels > 0;
  const close = () => {
    clearInterval(beat);
    beat = null;
    for (const [name, act] of Object.entries(heard)) document.removeEventListener(name, act);
    painting.stop();
    bar.remove();
    left();
  };
  const save = () => askToSave(found, painting).then((answer) => {
    if (!answer) return;
    close();
    saved(answer);
  });
  const leave = async () => { if (!unsaved() || await leaving()) close(); };
  const bar = toolbar({ painting, tell, save, leave, amount });
  const heard = { keydown: (event) => able && undoing(event, painting, tell), languagechanged: () => [write(bar), tell()] };
  for (const [name, act] of Object.entries(heard)) document.addEventListener(name, act);
  images.prepend(bar);
  tell();
  began(painting, bar).then((can) => {
    able = can;
    // The viewer tells nothing while a stroke is drawn; twice a second is soon enough for a sum.
    if (able && bar.isConnected) beat = setInterval(tell, 500);
    tell();
  });
  return { unsaved, close };
}

/** Ctrl+Z and Ctrl+Shift+Z or Ctrl+Y, with Cmd on a Mac; a field that is typed in has its own. */
function undoing(event, painting, tell) {
  const { key, shiftKey, target } = event;
  const act = { z: shiftKey ? painting.redo : painting.undo, y: painting.redo }[key?.toLowerCase()];
  if (!act || !(event.ctrlKey || event.metaKey) || event.altKey || target.closest("dialog, textarea, input:is([type=number], [type=text])")) return;
  event.preventDefault();
  act();
  tell();
}

/** The tools wait for the whole volume; without it there is nothing to paint on. */
async function began(painting, bar) {
  const acts = [...bar.querySelectorAll("input, button:not(.leave)")];
  for (const act of acts) act.disabled = true;
  const able = await painting.start().catch(() => false);
  for (const act of acts) act.disabled = !able;
  if (able) acts[0].focus();
  return able;
}

const leaving = () => confirmed({ title: t("result.paint.leave.title"), text: t("result.paint.leave"), action: t("result.paint.leave.verb") });

function stateText(able, painting) {
  if (able === null) return t("result.paint.loading");
  if (!able) return t("result.paint.unable");
  const changed = painting.changed();
  if (changed.voxels === 0) return t("result.paint.unchanged");
  return t("result.paint.changed", { lesion: signed(changed.lesion_ml, 1), lung: signed(changed.lung_ml, 1) });
}

// The bar outlives a change of language, which fills in anew what the texts are named.
function toolbar({ painting, tell, save, leave, amount }) {
  const radius = element("input");
  Object.assign(radius, { type: "range", min: 1, max: 30, step: 1, value: RADIUS_MM, name: "radius" });
  const filled = element("input");
  Object.assign(filled, { type: "checkbox", name: "filled" });
  const tools = TOOLS.map((tool, place) => toolChoice(tool, place === 0));
  const apply = () => painting.tool(bar.querySelector("[name=tool]:checked").value, Number(radius.value), { filled: filled.checked });
  const act = (key, run, className) => named(button("", run, className), key);
  const bar = built("div", "paint-bar",
    built("fieldset", "switch", named(element("legend", "", "hidden"), "result.paint.tool"), ...tools),
    built("label", "radius", named(element("span"), "result.paint.radius"), radius, element("output")),
    built("label", "", filled, " ", named(element("span"), "result.paint.filled")),
    act("result.paint.undo", () => { painting.undo(); tell(); }, "undo"),
    act("result.paint.redo", () => { painting.redo(); tell(); }, "redo"),
    amount, act("result.paint.save", save, "primary save"), act("result.paint.stop", leave, "leave"));
  bar.setAttribute("role", "toolbar");
  bar.dataset.label = "result.paint.toolbar";
  bar.setAttribute("aria-label", t(bar.dataset.label));
  bar.addEventListener("input", () => {
    write(bar);
    apply();
  });
  write(bar);
  queueMicrotask(apply);
  return bar;
}

function named(made, key) {
  made.dataset.text = key;
  made.textContent = t(key);
  return made;
}

function write(bar) {
  bar.querySelector("output").textContent = `${number(Number(bar.querySelector("[name=radius]").value))} mm`;
}

function toolChoice(tool, checked) {
  const radio = element("input");
  Object.assign(radio, { type: "radio", name: "tool", value: tool, checked });
  return built("label", `tool ${tool}`, radio, " ", named(element("span"), `result.paint.${tool}`));
}

function askToSave(found, painting) {
  const words = { title: t("result.paint.save.title"), intro: t("result.paint.save.intro"), verb: t("result.paint.save") };
  return askAuthor(words, async (given) => {
    const form = new FormData();
    form.append("labels", await painting.labels(), "labels.nii.gz");
    for (const [name, value] of Object.entries(given)) form.append(name, value);
    return call(`${API}/${found.id}/corrections?version=${found.version}`, { method: "POST", body: form });
  });
}
