// What is asked of the service for one plane, so that nothing piles up behind what is looked at now.

const AT_ONCE = 2;
const PATIENCE_MS = 80;

/**
 * The newest request goes first. Of those that it overtakes only the oldest goes on, which will be
 * here soonest: who scrolls faster than slices come still sees some on the way.
 */
export class Requests {
  /** `settled` is called whenever one has ended, however it did. */
  constructor(settled) {
    Object.assign(this, { settled, under: [], next: null, timer: null });
  }

  /** Ask for what is looked at; `ask(signal)` gives a promise that is never rejected. */
  want(key, ask) {
    this.next = null;
    const known = this.under.find((each) => each.key === key);
    if (known) {
      known.ahead = false;
      return;
    }
    this.#giveUp(this.under.filter(({ ahead }) => ahead));
    if (this.under.length < AT_ONCE) this.#start({ key, ask, ahead: false });
    else this.#queue({ key, ask, ahead: false });
  }

  /** Ask for what may be looked at next, if there is room. */
  foresee(key, ask) {
    if (this.under.length < AT_ONCE && !this.has(key)) this.#start({ key, ask, ahead: true });
  }

  has(key) {
    return this.under.some((each) => each.key === key);
  }

  /** Nothing of it is needed any more, but what `keep` says. */
  clear(keep = () => false) {
    this.next = null;
    this.#giveUp(this.under.filter(({ key }) => !keep(key)));
  }

  #start({ key, ask, ahead }) {
    const request = { key, ahead, stop: new AbortController() };
    this.under.push(request);
    ask(request.stop.signal).finally(() => {
      this.under = this.under.filter((each) => each !== request);
      if (this.next) this.#goOn();
      this.settled();
    });
  }

  // A drag asks for another picture with every frame, and a service that has begun to draw draws
  // to the end: what is overtaken at once is never sent.
  #queue(request) {
    this.next = request;
    this.timer ??= setTimeout(() => {
      this.timer = null;
      if (this.next) this.#goOn();
    }, PATIENCE_MS);
  }

  #goOn() {
    const { next } = this;
    this.next = null;
    this.#giveUp(this.under.slice(AT_ONCE - 1));
    this.#start(next);
  }

  #giveUp(some) {
    this.under = this.under.filter((each) => !some.includes(each));
    for (const { stop } of some) stop.abort();
  }
}
