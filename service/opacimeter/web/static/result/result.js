// One assessment: head, images, panel. The panel stands when the viewer fails, and the other way
// round: each part is made on its own.

import { API, call, confirmed, element } from "../elements.js";
import { t } from "../language.js";
import { fetched, sideBySide } from "./compare.js";
import { addressOf, documents, otherSeries, reports, versions } from "./documents.js";
import { ended } from "./ended.js";
import { head } from "./head.js";
import { guard } from "./leaving.js";
import { paint } from "./painting.js";
import { panel } from "./panel.js";
import { built, button, link } from "./parts.js";
import { reviewButtons } from "./review.js";
import { openViewer } from "./viewing.js";
import { follow, isUnfinished, work } from "./work.js";

/**
 * Shows an assessment and follows it while it is worked on.
 *
 * @param {HTMLElement} container Emptied; all is built inside.
 * @param {string} id
 * @param {number} [version] The newest where absent.
 * @returns {Promise<{close: () => void, holds: (event: HashChangeEvent) => boolean}>} `holds` tells,
 *   when the address has changed, that the reader stays.
 */
export async function openResult(container, id, version) {
  const page = new ResultPage(container, id, version);
  await page.refresh();
  return { close: () => page.close(), holds: (event) => page.guard.holds(event) };
}

class ResultPage {
  constructor(container, id, version) {
    Object.assign(this, { container, id, version, closed: false, painting: null, comparing: null, images: null, trouble: null, turns: 0 });
    this.guard = guard(() => this.unsaved());
    this.reword = () => this.render();
    document.addEventListener("languagechanged", this.reword);
  }

  unsaved() {
    return this.painting?.unsaved() ?? false;
  }

  close() {
    this.closed = true;
    this.guard.stop();
    document.removeEventListener("languagechanged", this.reword);
    this.leave();
    this.container.replaceChildren();
  }

  /** Let go of what belongs to the version shown. */
  leave() {
    this.stopFollowing?.();
    this.painting?.close();
    this.compareNoMore();
    this.viewer?.close();
    Object.assign(this, { stopFollowing: null, painting: null, viewer: null, images: null });
  }

  async refresh() {
    this.leave();
    const query = this.version ? `?version=${this.version}` : "";
    try {
      const [found, { artifacts }] = await Promise.all([
        call(`${API}/${this.id}${query}`), call(`${API}/${this.id}/artifacts${query}`),
      ]);
      if (this.closed) return;
      Object.assign(this, { found, artifacts });
      this.render();
      if (isUnfinished(found.status)) this.followWork();
    } catch (error) {
      if (!this.closed) this.container.replaceChildren(this.problem(error));
    }
  }

  problem(error) {
    const told = element("p", error.message, "message bad");
    told.setAttribute("role", "alert");
    return built("div", "result", told, built("p", "", button(t("result.try_again"), () => this.refresh()), " ", link(t("result.to_list"), "#/")));
  }

  followWork() {
    const show = (news) => {
      const moved = news.status !== this.found.status;
      Object.assign(this.found, news);
      if (moved) this.render(); else this.work?.show(this.found);
    };
    const end = () => {
      this.trouble = null; // what was refused while it was at work says nothing of what came of it
      if (!this.closed) this.refresh();
    };
    this.stopFollowing = follow(this.id, this.found.version, { show, end });
  }

  /** Build all but the viewers anew; they stay, with what was painted and what is compared. */
  render() {
    if (!this.found) return;
    const { found } = this;
    const complete = found.status === "complete";
    if (complete && !this.images) this.openImages();
    this.work = isUnfinished(found.status) ? work(found) : null;
    const body = complete ? this.completeBody() : this.openBody();
    this.body = body;
    this.container.replaceChildren(built("div", "result", head(found, this.actions()), body));
    if (this.trouble) this.complain();
    this.lay();
  }

  openImages() {
    const place = element("div", "", "viewer-place");
    this.images = built("div", "result-images", place);
    this.viewer = openViewer(place, this.found);
  }

  completeBody() {
    const aside = panel(this.found, this.viewer, {
      artifacts: this.artifacts,
      compare: (id, version) => this.compare(id, version),
      choose: (uid) => this.choose(uid),
      remove: () => this.remove(),
    });
    return built("div", "result-body", this.images, aside);
  }

  openBody() {
    const { found } = this;
    const parts = this.work ? [this.work.part] : [ended(found)];
    parts.push(otherSeries(found, (uid) => this.choose(uid)), documents(this.artifacts));
    if (!this.work) parts.push(versions(found, button(t("result.remove"), () => this.remove(), "danger")));
    return built("div", "result-body alone", ...parts);
  }

  actions() {
    const { found } = this;
    // Refused or not: what stands here is no longer so. Why it was refused stays to be read.
    const act = (path) => async () => {
      await this.attempt(() => call(`${API}/${this.id}/${path}`, { method: "POST" }));
      this.refresh();
    };
    if (isUnfinished(found.status)) return found.cancelling ? [] : [button(t("result.cancel"), act("cancel"))];
    if (found.status !== "complete") return [button(t("result.retry"), act("retry"), "primary")];
    const pdf = reports(this.artifacts)[0];
    const made = [...reviewButtons(found, (answer) => this.reviewed(answer)), button(t("result.correct"), () => this.paint(), "correct")];
    made.push(button(t("result.print"), () => window.print()));
    if (pdf) made.push(Object.assign(link(t("result.report"), pdf.href, "button"), { target: "_blank" }));
    return made;
  }

  async attempt(act) {
    this.trouble = null;
    this.container.querySelector(".trouble")?.remove();
    this.fit();
    try {
      return await act();
    } catch (error) {
      this.trouble = error;
      this.complain();
      return null;
    }
  }

  complain() {
    const told = element("p", this.trouble.message, "message bad trouble");
    told.setAttribute("role", "alert");
    this.container.querySelector(".trouble")?.remove();
    this.container.querySelector(".result-head")?.after(told);
    this.fit();
  }

  reviewed(answer) {
    this.found.review = answer.review;
    this.render();
  }

  async paint() {
    if (this.painting) return;
    await this.attempt(async () => {
      await this.viewer.ready();
      this.compareNoMore();
      this.painting = paint({ images: this.images, found: this.found, viewer: this.viewer.opened }, {
        saved: (answer) => this.go(answer.version),
        left: () => { this.painting = null; },
      });
    });
  }

  async compare(id, version) {
    const turn = ++this.turns; // of two clicks the last one counts
    const from = document.activeElement;
    await this.attempt(async () => {
      await this.viewer.ready();
      const other = await fetched(id, version);
      if (turn !== this.turns) return;
      this.compareNoMore();
      const here = { images: this.images, found: this.found, viewer: this.viewer.opened };
      this.comparing = sideBySide(here, other, () => {
        this.compareNoMore();
        from.focus();
      });
      this.lay();
      this.comparing.focus();
    });
  }

  compareNoMore() {
    this.turns++;
    this.comparing?.close();
    this.comparing = null;
    this.lay();
  }

  /** What is compared stands beside the images, in the panel's place. */
  lay() {
    if (!this.body) return;
    this.body.classList.toggle("comparing", this.comparing !== null);
    if (this.comparing) {
      this.comparing.write();
      this.images.after(this.comparing.column);
    }
    this.fit();
  }

  async choose(series_uid) {
    const body = JSON.stringify({ series_uid });
    const made = await call(`${API}/${this.id}/series`, { method: "POST", headers: { "Content-Type": "application/json" }, body });
    this.go(made.version);
  }

  async remove() {
    if (!await confirmed({ title: t("result.remove.title"), text: t("result.remove.text"), action: t("result.remove") })) return;
    await this.attempt(async () => {
      await call(`${API}/${this.id}`, { method: "DELETE" });
      window.location.hash = "#/";
    });
  }

  /** Show another version: by its address, so that Back leads here again. */
  go(version) {
    const address = addressOf(this.id, version);
    if (window.location.hash === address) this.refresh();
    else window.location.hash = address;
  }

  /** As high as the window leaves room for below what stands above. */
  fit() {
    const top = this.body.getBoundingClientRect().top + window.scrollY;
    this.body.style.setProperty("--above", `${Math.round(top)}px`);
  }
}
