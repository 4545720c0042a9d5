// The viewer's door: axial, coronal and sagittal planes and 3-D of one assessment, with lungs and
// lesions. Rendered slices come at once, then a half-size volume, then the whole.

import { Desk } from "./desk.js";

const desks = new WeakMap();

/**
 * Build a viewer of a complete assessment in a container.
 *
 * Slices count as in the result, 0 the most cranial; mm are DICOM's patient coordinates. All may be
 * called at once: what needs images waits for them. `onSlice` gives a function that stops it.
 *
 * @param {HTMLElement} container Filled whole; its size is the viewer's.
 * @param {object} assessment The JSON of GET /api/v1/assessments/{id}?version=n.
 * @param {{second?: boolean}} options `second`: beside another one, so it stays light; the whole
 *   volume comes on request alone.
 */
export function createViewer(container, assessment, { second = false } = {}) {
  const desk = new Desk(container, assessment, { second: Boolean(second) });
  const { brush } = desk;
  const viewer = {
    goToSlice: (index) => desk.when(() => desk.goToSlice(index)),
    goToMm: (mm) => desk.when(() => desk.goTo(desk.grid.pointOf(mm))),
    goToZone: (name) => desk.when(() => desk.goToZone(name)),
    onSlice: (listener) => {
      desk.sliceListeners.add(listener);
      return () => desk.sliceListeners.delete(listener);
    },
    linkWith: (other) => linked(desk, desks.get(other)),
    painting: {
      start: () => brush.start(),
      stop: () => brush.stop(),
      undo: () => brush.undo(),
      redo: () => brush.redo(),
      tool: (name, radiusMm, options) => brush.tool(name, radiusMm, options),
      changed: () => brush.changed(),
      labels: () => brush.labels(),
    },
    close: () => desk.close(),
  };
  desks.set(viewer, desk);
  return viewer;
}

/** Scroll two viewers together by mm along the patient, lung tops on one height; call to unlink. */
function linked(one, other) {
  let moving = false;
  const follow = (from, to) => (z) => {
    if (moving || !to.grid) return;
    moving = true;
    to.goToZ(z + to.lungTopMm() - from.lungTopMm());
    moving = false;
  };
  const [there, back] = [follow(one, other), follow(other, one)];
  one.zListeners.add(there);
  other.zListeners.add(back);
  one.when(() => other.when(() => there(one.z())));
  return () => {
    one.zListeners.delete(there);
    other.zListeners.delete(back);
  };
}
