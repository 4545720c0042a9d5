// Pointer and wheel on the stage, the same whichever way the images come.

const LINE_PX = 40; // of a wheel that turns in lines
const STEP_PX = 50; // less than a notch is anywhere; a touch pad tells many small turns

export class Hands {
  constructor(stage, gestures) {
    Object.assign(this, { stage, gestures, drag: null, turned: 0 });
    const on = (name, act, options) => stage.addEventListener(name, (event) => act.call(this, event), options);
    on("pointerdown", this.#down);
    on("pointermove", this.#move);
    on("pointerup", this.#up);
    on("pointercancel", this.#up);
    on("pointerleave", () => gestures.under(null, null));
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
    const place = this.#place(event);
    const at = this.gestures.at(...place);
    this.gestures.under(at, place);
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
    // A notch is one event of 100 px or so and one slice, however large the system makes it: with
    // two, every other slice could not be reached.
    this.turned = Math.sign(px) === Math.sign(this.turned) ? this.turned + px : px;
    if (Math.abs(this.turned) < STEP_PX) return;
    this.turned %= STEP_PX;
    this.gestures.step(Math.sign(px));
  }
}
