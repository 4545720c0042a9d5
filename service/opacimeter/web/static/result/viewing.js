// The viewer as the panel knows it: may be asked at once, answers when it is there, and may fail
// without taking the numbers with it.

import { element } from "../elements.js";
import { t } from "../language.js";

/**
 * @param {HTMLElement} place Where it is built.
 * @param {object} found The assessment.
 */
export function openViewer(place, found) {
  const listeners = [];
  const viewer = { opened: null, closed: false };
  const loaded = load(place, found, { viewer, listeners });
  const when = (act) => { loaded.then(() => viewer.opened && act(viewer.opened)); };
  return Object.assign(viewer, {
    goToSlice: (index) => when((opened) => opened.goToSlice(index)),
    goToMm: (point) => when((opened) => opened.goToMm(point)),
    goToZone: (name) => when((opened) => opened.goToZone(name)),
    onSlice: (listener) => { if (viewer.opened) viewer.opened.onSlice(listener); else listeners.push(listener); },
    ready: async () => {
      await loaded;
      if (!viewer.opened) throw new Error(t("result.viewer.failed"));
    },
    another: async (where, other, options) => (await import("../viewer/viewer.js")).createViewer(where, other, options),
    close: () => {
      viewer.closed = true;
      viewer.opened?.close();
      viewer.opened = null;
    },
  });
}

async function load(place, found, { viewer, listeners }) {
  try {
    const { createViewer } = await import("../viewer/viewer.js");
    if (viewer.closed) return;
    viewer.opened = createViewer(place, found);
    for (const listener of listeners) viewer.opened.onSlice(listener);
  } catch {
    // Whatever the browser lacks: the numbers stand on their own.
    const told = element("p", t("result.viewer.failed"), "message bad");
    told.setAttribute("role", "alert");
    place.replaceChildren(told);
  }
}
