// Sending: one drop on its way to the service, over a line that may break.
//
// To the service a drop is one stream of bytes, file after file. It tells how many it has, so after
// a break the next piece begins exactly there, whether in a new file or within one.

import { Failure, call } from "../elements.js";

const UPLOADS = "/api/v1/uploads";
const PIECE_BYTES = 16 * 2 ** 20;
const SILENCE_MS = 60_000;
const LONGEST_PAUSE_S = 30;

/** States: waiting, sending, broken (goes on by itself), filing, done, failed, stopped. */
export class Sending extends EventTarget {
  constructor(files, name = "") {
    super();
    let end = 0;
    this.name = name;
    this.files = files;
    this.ends = files.map((file) => (end += file.size));
    this.total = end;
    this.state = "waiting";
    this.sent = 0;
    this.failure = null;
    this.answer = null;
    this.pauseEnds = 0;
    this.stopping = new AbortController();
  }

  get over() {
    return ["done", "failed", "stopped"].includes(this.state);
  }

  get filesSent() {
    return this.ends.filter((end) => end <= this.sent).length;
  }

  /** Send until it is there, refused or stopped; a broken line is waited for. */
  async run() {
    let breaks = 0;
    while (!this.over) {
      try {
        await this.#attempt(() => (breaks = 0));
      } catch (error) {
        if (this.stopping.signal.aborted) this.#become("stopped");
        else if (passes(error)) await this.#pause(Math.min(2 ** breaks++, LONGEST_PAUSE_S), error);
        else this.#become("failed", error);
      }
    }
  }

  /** Go on now instead of at the end of the pause. */
  resume() {
    this.goOn?.();
  }

  /** Give up, and have the service forget what it has. */
  stop() {
    if (this.over || this.state === "filing") return;
    this.stopping.abort();
    this.goOn?.();
    if (this.state === "waiting") this.#become("stopped");
    if (this.upload) fetch(this.upload.href, { method: "DELETE" }).catch(() => {});
  }

  async #attempt(progressed) {
    this.#become("sending");
    await this.#locate();
    while (this.upload.received_bytes < this.total) {
      this.upload = await this.#put(this.upload.received_bytes);
      progressed();
    }
    this.#become("filing");
    this.answer = await call(`${this.upload.href}/complete`, { method: "POST" });
    this.#become("done");
  }

  // A service that has forgotten the upload (it keeps them for a day) is sent all of it again.
  async #locate() {
    const { signal } = this.stopping;
    if (this.upload) {
      this.upload = await call(this.upload.href, { signal }).catch((error) => {
        if (error.status === 404) return null;
        throw error;
      });
    }
    const body = JSON.stringify({ sizes: this.files.map((file) => file.size) });
    const headers = { "content-type": "application/json" };
    this.upload ??= await call(UPLOADS, { method: "POST", body, headers, signal });
    this.#reached(this.upload.received_bytes);
  }

  async #put(offset) {
    const piece = this.#piece(offset);
    const address = `${this.upload.href}/content?offset=${offset}`;
    try {
      return await put(address, new Blob(piece), {
        signal: this.stopping.signal,
        progress: (loaded) => this.#reached(offset + loaded),
      });
    } catch (error) {
      if (error.kind === "unreachable" && !(await readable(piece))) throw new Failure("unreadable");
      throw error;
    }
  }

  #piece(offset) {
    const parts = [];
    let [index, place] = [this.ends.findIndex((end) => end > offset), offset];
    const limit = Math.min(offset + PIECE_BYTES, this.total);
    for (; place < limit; index++) {
      const begin = this.ends[index] - this.files[index].size;
      const end = Math.min(this.ends[index], limit);
      if (end > place) parts.push(this.files[index].slice(place - begin, end - begin));
      place = end;
    }
    return parts;
  }

  #pause(seconds, failure) {
    this.pauseEnds = Date.now() + seconds * 1000;
    this.#become("broken", failure);
    return new Promise((done) => {
      this.goOn = done;
      setTimeout(done, seconds * 1000);
      window.addEventListener("online", done, { once: true });
    });
  }

  #reached(sent) {
    this.sent = sent;
    this.dispatchEvent(new Event("progress"));
  }

  #become(state, failure = null) {
    this.state = state;
    this.failure = failure;
    this.dispatchEvent(new Event("change"));
  }
}

// Without an answer, or with one that tells of a moment: worth another try. 409 is a position that
// another request has moved meanwhile; it is asked for anew.
function passes(error) {
  const { kind, status } = error;
  return kind === "unreachable" || status === 409 || (status >= 500 && status !== 507);
}

// A disc that was taken out looks like a broken line to a request.
async function readable(parts) {
  const reads = parts.map((part) => part.slice(0, 1).arrayBuffer());
  return (await Promise.allSettled(reads)).every((read) => read.status === "fulfilled");
}

// Not by fetch, which tells nothing of an upload's progress.
function put(address, body, { progress, signal }) {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    let silence = 0;
    const listen = () => {
      clearTimeout(silence);
      silence = setTimeout(() => request.abort(), SILENCE_MS);
    };
    signal.addEventListener("abort", () => request.abort());
    request.upload.onprogress = ({ loaded }) => {
      listen();
      progress(loaded);
    };
    request.onload = () => {
      if (request.status < 400) done(request.response);
      else failed(Failure.of(request.status, request.response));
    };
    request.onerror = request.onabort = () => failed(new Failure("unreachable"));
    request.onloadend = () => clearTimeout(silence);
    request.open("PUT", address);
    request.responseType = "json";
    request.setRequestHeader("content-type", "application/octet-stream");
    listen();
    request.send(body);
  });
}
