// The worklist: which assessments there are, how far they are, and what can be done with them.
//
// What is shown is kept up to date by asking for the page in view again: every two seconds while
// a row on it is at work, else every fifteen. Not by a stream of events a row: a browser opens six
// connections to a service at most, and an open result needs its own.

import { API, UNFINISHED, build, call, complain, number, say } from "../elements.js";
import { current, t } from "../language.js";
import { act, remove } from "./actions.js";
import { COLUMNS, headOf } from "./columns.js";
import { dropBar, emptyState, pageSize, paging, rangeOf, searchBox, statusFilter } from "./frame.js";
import { rowOf } from "./row.js";

const BUSY_MS = 2000;
const QUIET_MS = 15000;
const LOST_MS = 5000;
const MOST_IN_TABLE = 500; // the service's own limit

export function createWorklist(section) {
  const list = new Worklist(section);
  list.draw();
  document.addEventListener("languagechanged", () => list.draw());
  document.addEventListener("visibilitychange", () => !document.hidden && list.refresh());
  window.addEventListener("online", () => list.refresh());
  return {
    pause: () => list.pause(),
    resume: () => list.resume(),
    refresh: () => list.refresh(),
    search: (text) => list.seek({ search: text }),
  };
}

class Worklist {
  constructor(section) {
    this.section = section;
    this.asked = { search: "", status: "", sort: "received", order: "desc" };
    this.cursors = [""]; // of this page and those before it
    this.page = null;
    this.rows = new Map();
    this.selected = new Set();
    this.opened = new Set();
    this.shown = false;
    this.lost = false;
  }

  // --- what is asked for ---------------------------------------------------------------------

  /** Filters and order as a query; without a place, they name the whole list. */
  query(place = {}) {
    const known = Object.entries({ ...this.asked, ...place }).filter(([, value]) => value !== "");
    return new URLSearchParams(known);
  }

  seek(change) {
    Object.assign(this.asked, change);
    this.cursors = [""];
    this.draw();
    this.refresh();
  }

  turn(cursors) {
    this.cursors = cursors;
    this.refresh().then(() => this.section.scrollIntoView());
  }

  pause() {
    this.shown = false;
    clearTimeout(this.later);
  }

  resume() {
    this.shown = true;
    this.refresh();
  }

  async refresh() {
    clearTimeout(this.later);
    this.asking?.abort();
    const asking = (this.asking = new AbortController());
    const query = this.query({ limit: pageSize(), cursor: this.cursors.at(-1) });
    try {
      this.page = await call(`${API}?${query}`, { signal: asking.signal });
    } catch (error) {
      if (asking.signal.aborted) return;
      this.lose(error);
      return;
    }
    this.find();
    this.render();
    const busy = this.page.assessments.some((found) => UNFINISHED.includes(found.status));
    this.again(busy ? BUSY_MS : QUIET_MS);
  }

  again(pause) {
    clearTimeout(this.later);
    if (this.shown && !document.hidden) this.later = setTimeout(() => this.refresh(), pause);
  }

  // Only a service that is away is asked again: a wrong question stays wrong.
  lose(error) {
    complain(error);
    this.lost = true;
    if (error.kind === "unreachable" || error.status >= 500) this.again(LOST_MS);
  }

  find() {
    if (this.lost) say(null);
    this.lost = false;
  }

  // --- what is shown -------------------------------------------------------------------------

  /** Everything but the rows: drawn once, and again when words, order or filters change. */
  draw() {
    const typing = this.section.contains(document.activeElement) && document.activeElement === this.input;
    const caret = typing ? this.input.selectionStart : 0;
    this.rows.clear();
    this.area = build("div", { class: "scroll" });
    this.foot = build("nav", { class: "paging", "aria-label": t("page.worklist.pages") });
    this.selection = build("p", { class: "selection" });
    this.table = build("table", { id: "list" }, build("caption", { class: "hidden" }, t("page.worklist")));
    this.table.addEventListener("keydown", (event) => this.step(event));
    this.table.append(this.head());
    this.empty = build("div", { class: "empty", hidden: true });
    this.area.append(this.table, this.empty);
    this.section.replaceChildren(dropBar(), this.tools(), this.area, this.foot);
    if (typing) {
      this.input.focus();
      this.input.setSelectionRange(caret, caret);
    }
    if (this.page) this.render();
  }

  tools() {
    this.input = searchBox(this.asked.search, (text) => this.search(text));
    this.total = build("p", { class: "total", role: "status" });
    const filter = statusFilter(this.asked.status, (status) => this.seek({ status }));
    return build("div", { class: "tools" }, build("h2", {}, t("page.worklist")), this.input, filter, this.total, this.selection);
  }

  // Without `draw`: whoever types keeps the box they type into.
  search(text) {
    if (text === this.asked.search) return;
    this.asked.search = text;
    this.cursors = [""];
    this.refresh();
  }

  head() {
    this.all = build("input", { type: "checkbox", disabled: true, "aria-label": t("page.worklist.select-all"), on: { change: () => this.selectAll(this.all.checked) } });
    const sort = (name, order) => {
      this.seek({ sort: name, order });
      this.table.querySelector(`[data-sort="${name}"]`).focus();
    };
    return build("thead", {}, build("tr", {}, build("td", {}, this.all), COLUMNS.map((column) => headOf(column, this.asked, sort))));
  }

  render() {
    const found = this.page.assessments;
    const focus = this.focused();
    const bodies = found.map((each) => this.row(each));
    const now = [...this.table.tBodies];
    if (bodies.length !== now.length || bodies.some((body, index) => body !== now[index])) {
      now.filter((body) => !bodies.includes(body)).forEach((body) => body.remove());
      this.table.append(...bodies);
    }
    this.refocus(focus);
    this.table.hidden = found.length === 0;
    this.renderEmpty(found.length === 0);
    this.renderFoot();
    this.renderSelection();
  }

  row(found) {
    const { id } = found;
    const [selected, opened] = [this.selected.has(id), this.opened.has(id)];
    const told = JSON.stringify([found, selected, opened]);
    if (this.rows.get(id)?.told !== told) {
      const body = rowOf(found, {
        selected, opened,
        select: (on) => this.select(id, on),
        toggle: () => this.toggle(id),
        cancel: () => this.change(act(id, "cancel")),
        retry: () => this.change(act(id, "retry")),
        remove: () => this.change(remove(found).then((gone) => gone && this.selected.delete(id))),
      });
      this.rows.set(id, { told, body });
    }
    return this.rows.get(id).body;
  }

  change(done) {
    return done.catch(complain).then(() => this.refresh());
  }

  renderEmpty(nothing) {
    this.empty.hidden = !nothing;
    this.section.toggleAttribute("data-first", nothing && !this.filtered);
    if (!nothing) return;
    const clear = () => this.seek({ search: "", status: "" });
    this.empty.replaceChildren(...emptyState(this.filtered, clear));
  }

  get filtered() {
    return this.asked.search !== "" || this.asked.status !== "" || this.cursors.length > 1;
  }

  renderFoot() {
    const { cursor, total } = this.page;
    const range = rangeOf(this.page, (this.cursors.length - 1) * pageSize());
    const within = [...this.foot.querySelectorAll("button, select")].indexOf(document.activeElement);
    this.total.textContent = total === 0 ? "" : range;
    this.foot.hidden = total === 0;
    this.foot.replaceChildren(...paging(range, {
      back: this.cursors.length > 1 ? () => this.turn(this.cursors.slice(0, -1)) : null,
      on: cursor ? () => this.turn([...this.cursors, cursor]) : null,
      resize: () => this.seek({}),
    }));
    if (within >= 0) this.foot.querySelectorAll("button, select")[within].focus();
  }

  // --- selection -----------------------------------------------------------------------------

  select(id, on) {
    if (on) this.selected.add(id);
    else this.selected.delete(id);
    this.render();
  }

  selectAll(on) {
    for (const { id } of this.page.assessments) {
      if (on) this.selected.add(id);
      else this.selected.delete(id);
    }
    this.render();
  }

  renderSelection() {
    const shown = this.page.assessments.map(({ id }) => id);
    const chosen = shown.filter((id) => this.selected.has(id)).length;
    this.all.disabled = shown.length === 0;
    this.all.checked = chosen > 0 && chosen === shown.length;
    this.all.indeterminate = chosen > 0 && chosen < shown.length;
    this.selection.replaceChildren(...this.downloads());
  }

  downloads() {
    if (this.page.total === 0) return [];
    const count = this.selected.size;
    const clear = build("button", { type: "button", on: { click: () => this.unselect() } }, t("page.worklist.unselect"));
    const most = { count: number(count), most: number(MOST_IN_TABLE) };
    if (count > MOST_IN_TABLE) return [build("span", { class: "too-many" }, t("page.worklist.csv-most", most)), clear];
    const query = count > 0 ? new URLSearchParams([...this.selected].map((id) => ["id", id])) : this.query();
    const text = count > 0 ? t("page.worklist.csv-selected", { count: number(count) }) : t("page.worklist.csv-all");
    const link = build("a", { class: "button", href: `/api/v1/measurements.csv?${query}`, download: "measurements.csv", lang: current() }, text);
    return count === 0 ? [link] : [link, clear];
  }

  unselect() {
    this.selected.clear();
    this.render();
  }

  // --- keyboard ------------------------------------------------------------------------------

  toggle(id) {
    if (!this.opened.delete(id)) this.opened.add(id);
    this.render();
  }

  /** Arrows go from name to name. */
  step(event) {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by || !event.target.matches("a.name")) return;
    const names = [...this.table.querySelectorAll("a.name")];
    const next = names[names.indexOf(event.target) + by];
    if (!next) return;
    event.preventDefault();
    next.focus();
  }

  // A row that is drawn anew while somebody is in it leaves them where they are.
  focused() {
    const within = document.activeElement;
    const body = within?.closest?.("#list tbody");
    return body && { id: body.dataset.id, act: within.dataset.act };
  }

  refocus(focus) {
    if (!focus || this.table.contains(document.activeElement)) return;
    const body = this.rows.get(focus.id)?.body;
    const target = body?.querySelector(`[data-act="${focus.act}"]`) ?? body?.querySelector("a.name");
    target?.focus({ preventScroll: true });
  }
}
