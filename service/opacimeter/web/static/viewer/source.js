// Where a viewer's images come from: the service's routes of one version of one assessment.

import { API, call } from "../elements.js";

export class Source {
  constructor({ id, version }) {
    this.base = `${API}/${id}`;
    this.version = version;
    this.ended = new AbortController();
  }

  address(path, query = {}) {
    const asked = new URLSearchParams(query);
    if (this.version) asked.set("version", this.version);
    return `${this.base}/${path}?${asked}`;
  }

  grid() {
    return call(this.address("slices"), { signal: this.ended.signal });
  }

  async hu(point) {
    const { hu } = await call(this.address("hu", { at: point.join(",") }), { signal: this.ended.signal });
    return hu;
  }

  /** A rendered slice, decoded off the page's own thread; `signal` gives it up. */
  async picture(plane, index, look, signal = this.ended.signal) {
    const [centre, width] = look.window;
    const query = { plane, window: `${Math.round(centre)},${Math.round(width)}`, style: look.style };
    if (look.style !== "none") query.opacity = Math.round(100 * look.opacity);
    const answer = await fetch(this.address(`slices/${index}.webp`, query), { signal });
    if (!answer.ok) throw new Error(`slice ${index}: ${answer.status}`);
    return createImageBitmap(await answer.blob());
  }

  preview(kind) {
    return this.#bytes(`preview/${kind}.nii.gz`);
  }

  full(kind, told) {
    return this.#bytes(`artifacts/${kind}.nii.gz`, told);
  }

  close() {
    this.ended.abort();
  }

  async #bytes(path, told = () => {}) {
    const answer = await fetch(this.address(path), { signal: this.ended.signal });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    const total = Number(answer.headers.get("content-length"));
    const parts = [];
    let got = 0;
    for (const reader = answer.body.getReader(); ;) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
      got += value.length;
      if (total) told(got / total);
    }
    return new Blob(parts).arrayBuffer();
  }
}
