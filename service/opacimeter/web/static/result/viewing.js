// The viewer as the panel knows it: may be asked at once, answers when it is there, and may fail
// without taking the numbers with it.

import { element } from "../elements.js";
import { t } from "../language.js";

/**
 * @param {HTMLElement} place Where it is built.
 * @param {object} found The assessment.
 * @returns {object} `slice` is the axial one in view, null as long as the viewer chose it.
 */
export function openViewer(place, found) {
  const viewer = { opened: null, closed: false, slice: null, told: () => {} };
  const loaded = load(place, found, viewer);
  const when = (act) => { loaded.then(() => viewer.opened && act(viewer.opened)); };
  return Object.assign(viewer, {
    goToSlice: (index) => when((opened) => opened.goToSlice(index)),
    goToMm: (point) => when((opened) => opened.goToMm(point)),
    goToZone: (name) => when((opened) => opened.goToZone(name)),
    // The one that asked last: a panel made anew takes the place of the one before it.
    onSlice: (listener) => { viewer.told = listener; },
    ready: async () => {
      await loaded;
      if (!viewer.opened) throw new Error(t("result.viewer.failed"));
    },
    close: () => {
      viewer.closed = true;
      viewer.opened?.close();
      viewer.opened = null;
    },
  });
}

async function load(place, found, viewer) {
  try {
    const { createViewer } = await import("../viewer/viewer.js");
    if (viewer.closed) return;
    viewer.opened = createViewer(place, found);
    viewer.opened.onSlice((index) => {
      viewer.slice = index;
      viewer.told(index);
    });
  } catch {
    // Whatever the browser lacks: the numbers stand on their own.
    const told = element("p", t("result.viewer.failed"), "message bad");
    told.setAttribute("role", "alert");
    place.replaceChildren(told);
  }
}
