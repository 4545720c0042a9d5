// Pointer, wheel and keys on the stage, the same whichever way the images come.

import { WINDOWS } from "./controls.js";

const LEAP = 10;
const LINE_PX = 40; // of a wheel that turns in lines
const NOTCH_PX = 50;

export class Hands {
  constructor(stage, gestures) {
    Object.assign(this, { stage, gestures, drag: null, turned: 0 });
    const on = (name, act, options) => stage.addEventListener(name, (event) => act.call(this, event), options);
    on("pointerdown", this.#down);
    on("pointermove", this.#move);
    on("pointerup", this.#up);
    on("pointercancel", this.#up);
    on("pointerleave", () => gestures.under(null));
    on("wheel", this.#wheel, { passive: false });
    on("contextmenu", (event) => event.preventDefault());
    on("dblclick", (event) => event.preventDefault());
  }

  #place(event) {
    const { left, top } = this.stage.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  #down(event) {
    const at = this.gestures.at(...this.#place(event));
    this.drag = { what: this.#meaning(event, at), x: event.clientX, y: event.clientY, at };
    this.stage.setPointerCapture(event.pointerId);
    this.stage.focus({ preventScroll: true });
    if (at) this.gestures.activate(at.plane);
    this.gestures.begins(this.drag, at);
  }

  #meaning(event, at) {
    if (event.button === 2 || event.shiftKey) return "window";
    if (event.button === 1 || event.altKey) return "pan";
    if (this.gestures.view.layout === "render") return "turn";
    if (!at) return "none";
    if (event.pointerType === "touch") return "scroll";
    return this.gestures.tool();
  }

  #move(event) {
    const at = this.gestures.at(...this.#place(event));
    this.gestures.under(at);
    if (!this.drag) return;
    const by = [event.clientX - this.drag.x, event.clientY - this.drag.y];
    [this.drag.x, this.drag.y] = [event.clientX, event.clientY];
    // What was begun on a plane goes on there: the pointer may pass another one on its way.
    this.gestures.goesOn(this.drag, { by, at: at?.plane === this.drag.at?.plane ? at : null });
  }

  #up() {
    if (this.drag) this.gestures.ends(this.drag);
    this.drag = null;
  }

  #wheel(event) {
    event.preventDefault();
    const px = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE_PX : 1);
    if (event.ctrlKey || this.gestures.view.layout === "render") {
      this.gestures.zoom(Math.exp(-px / 400));
      return;
    }
    const at = this.gestures.at(...this.#place(event));
    if (at) this.gestures.activate(at.plane);
    // A touch pad tells many small turns, a wheel few large ones.
    this.turned = Math.sign(px) === Math.sign(this.turned) ? this.turned + px : px;
    const steps = Math.trunc(this.turned / NOTCH_PX) || (Math.abs(px) >= NOTCH_PX ? Math.sign(px) : 0);
    this.turned -= steps * NOTCH_PX;
    if (steps) this.gestures.step(steps > 0 ? Math.min(steps, 3) : Math.max(steps, -3));
  }
}

/** What a key does; nothing where it belongs to a field, or is held with another. */
export function keyed(event, desk) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog")) return;
  const act = KEYS[event.key] ?? KEYS[event.key.toLowerCase()];
  if (!act || (event.target.closest("button") && [" ", "Enter"].includes(event.key))) return;
  event.preventDefault();
  event.stopPropagation();
  act(desk);
}

const KEYS = {
  ArrowDown: (desk) => desk.step(1),
  ArrowRight: (desk) => desk.step(1),
  ArrowUp: (desk) => desk.step(-1),
  ArrowLeft: (desk) => desk.step(-1),
  PageDown: (desk) => desk.step(LEAP),
  PageUp: (desk) => desk.step(-LEAP),
  Home: (desk) => desk.step(-Infinity),
  End: (desk) => desk.step(Infinity),
  1: (desk) => desk.window(WINDOWS.lung),
  2: (desk) => desk.window(WINDOWS.mediastinum),
  3: (desk) => desk.customWindow(),
  o: (desk) => desk.toggleOverlay(),
  c: (desk) => desk.toggleStyle(),
  "+": (desk) => desk.opacity(desk.view.opacity + 0.1),
  "=": (desk) => desk.opacity(desk.view.opacity + 0.1),
  "-": (desk) => desk.opacity(desk.view.opacity - 0.1),
  l: (desk) => desk.largest(),
  n: (desk) => desk.lesion(1),
  p: (desk) => desk.lesion(-1),
  m: (desk) => desk.measuring(),
  v: (desk) => desk.nextLayout(),
  r: (desk) => desk.reset(),
  f: (desk) => desk.fullScreen(),
  "?": (desk) => desk.help(),
};
