// What keys do: within the viewer all of them, elsewhere on the page those that go through slices.

import { WINDOWS } from "./controls.js";

const LEAP = 10;
const SCREENS = 1.5; // a page that is longer is one that is scrolled
const ACROSS = ["ArrowLeft", "ArrowRight"];

/** A key pressed within the viewer; nothing where it belongs to a field, or is held with another. */
export function keyed(event, desk) {
  if (event.target.closest("input, select, textarea, dialog")) return;
  perform(MOVES[event.key] ?? MOVES[event.key.toLowerCase()], event, desk, { moves: true });
  perform(OTHERS[event.key] ?? OTHERS[event.key.toLowerCase()], event, desk, { moves: false });
}

/**
 * A key pressed elsewhere on the page. Letters mean something within the viewer alone: who speaks to
 * the computer would set them off by talking (WCAG 2.1.4).
 */
export function keyedElsewhere(event, desk) {
  if (event.key in SLICES && !isUsed(event)) perform(SLICES[event.key], event, desk, { moves: true });
}

function perform(act, event, desk, { moves }) {
  if (!act || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  event.stopPropagation();
  if (moves) desk.readout.keys();
  act(desk);
}

/** Whether a key does something where it was pressed: in a field, or in what it scrolls. */
function isUsed({ target, key }) {
  const { scrollHeight, clientHeight } = document.documentElement;
  if (scrollHeight > SCREENS * clientHeight || target.closest("input, select, textarea, dialog, [role=slider]")) return true;
  const box = target.closest(".scroll") ?? (target.matches(".result-panel, .part") ? target.closest(".result-panel") : null);
  return box !== null && (ACROSS.includes(key) ? box.scrollWidth > box.clientWidth : box.scrollHeight > box.clientHeight);
}

const SLICES = {
  ArrowDown: (desk) => desk.step(1),
  ArrowRight: (desk) => desk.step(1),
  ArrowUp: (desk) => desk.step(-1),
  ArrowLeft: (desk) => desk.step(-1),
  PageDown: (desk) => desk.step(LEAP),
  PageUp: (desk) => desk.step(-LEAP),
  Home: (desk) => desk.step(-Infinity),
  End: (desk) => desk.step(Infinity),
};

const MOVES = {
  ...SLICES,
  l: (desk) => desk.largest(),
  n: (desk) => desk.lesion(1),
  p: (desk) => desk.lesion(-1),
};

const OTHERS = {
  1: (desk) => desk.window(WINDOWS.lung),
  2: (desk) => desk.window(WINDOWS.mediastinum),
  3: (desk) => desk.customWindow(),
  o: (desk) => desk.toggleOverlay(),
  c: (desk) => desk.toggleStyle(),
  "+": (desk) => desk.opacity(desk.view.opacity + 0.1),
  "=": (desk) => desk.opacity(desk.view.opacity + 0.1),
  "-": (desk) => desk.opacity(desk.view.opacity - 0.1),
  m: (desk) => desk.measuring(),
  v: (desk) => desk.nextLayout(),
  r: (desk) => desk.reset(),
  f: (desk) => desk.fullScreen(),
  "?": (desk) => desk.help(),
};
