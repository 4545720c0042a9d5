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
  const amount = element("span", t("result.paint.loading"), "amount");
  amount.setAttribute("role", "status");
  let beat = null;
  const tell = () => { amount.textContent = changedText(painting.changed()); };
  const unsaved = () => beat !== null && painting.changed().voxels > 0;
  const close = () => {
    clearInterval(beat);
    beat = null;
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
  images.prepend(bar);
  began(painting, bar).then((able) => {
    if (!able) amount.textContent = t("result.paint.unable");
    // The viewer tells nothing while a stroke is drawn; twice a second is soon enough for a sum.
    else if (bar.isConnected) [beat] = [setInterval(tell, 500), tell()];
  });
  return { unsaved, close };
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

function changedText(changed) {
  if (changed.voxels === 0) return t("result.paint.unchanged");
  return t("result.paint.changed", { lesion: signed(changed.lesion_ml, 1), lung: signed(changed.lung_ml, 1) });
}

function toolbar({ painting, tell, save, leave, amount }) {
  const radius = element("input");
  Object.assign(radius, { type: "range", min: 1, max: 30, step: 1, value: RADIUS_MM, name: "radius" });
  const shown = element("output", `${RADIUS_MM} mm`);
  const filled = element("input");
  Object.assign(filled, { type: "checkbox", name: "filled" });
  const tools = TOOLS.map((tool, place) => toolChoice(tool, place === 0));
  const apply = () => painting.tool(bar.querySelector("[name=tool]:checked").value, Number(radius.value), { filled: filled.checked });
  const set = built("fieldset", "switch", element("legend", t("result.paint.tool"), "hidden"), ...tools);
  const bar = built("div", "paint-bar", set,
    built("label", "radius", element("span", t("result.paint.radius")), radius, shown),
    built("label", "", filled, " ", t("result.paint.filled")),
    button(t("result.paint.undo"), () => { painting.undo(); tell(); }, "undo"),
    button(t("result.paint.redo"), () => { painting.redo(); tell(); }, "redo"),
    amount, button(t("result.paint.save"), save, "primary save"), button(t("result.paint.stop"), leave, "leave"));
  bar.setAttribute("role", "toolbar");
  bar.setAttribute("aria-label", t("result.paint.toolbar"));
  bar.addEventListener("input", () => {
    shown.textContent = `${number(Number(radius.value))} mm`;
    apply();
  });
  queueMicrotask(apply);
  return bar;
}

function toolChoice(tool, checked) {
  const radio = element("input");
  Object.assign(radio, { type: "radio", name: "tool", value: tool, checked });
  return built("label", `tool ${tool}`, radio, " ", t(`result.paint.${tool}`));
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
