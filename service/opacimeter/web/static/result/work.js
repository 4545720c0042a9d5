// An assessment at work: its steps as the service tells them, by server-sent events.

import { API, UNFINISHED, element } from "../elements.js";
import { t } from "../language.js";
import { built } from "./parts.js";

const AGAIN_MS = 5000;
const STEPS = ["wait", "read", "segment", "measure", "report"];

/** The steps with a bar; `show` takes what an event told. */
export function work(found) {
  const bar = element("progress");
  bar.max = 1;
  bar.setAttribute("aria-label", t("result.work.progress"));
  const steps = built("ol", "steps", ...STEPS.map((step) => element("li", t(`result.step.${step}`))));
  const part = built("div", "work", element("p", t("result.work.intro"), "quiet"), steps, bar);
  const show = ({ status, step, fraction }) => {
    const at = status === "running" ? Math.max(STEPS.indexOf(step), 1) : 0;
    [...steps.children].forEach((item, place) => {
      item.className = place < at ? "done" : "";
      if (place === at) item.setAttribute("aria-current", "step"); else item.removeAttribute("aria-current");
    });
    // A step that has not told of its progress is under way all the same.
    if (fraction > 0 && at > 0) bar.value = fraction; else bar.removeAttribute("value");
  };
  show(found);
  return { part, show };
}

export const isUnfinished = (status) => UNFINISHED.includes(status);

/**
 * Follow one version to its end.
 *
 * @param {{show: Function, end: Function}} told
 * @returns {() => void} Stops following.
 */
export function follow(id, version, { show, end }) {
  const source = new EventSource(`${API}/${id}/events`);
  let later = null;
  source.addEventListener("step", (event) => {
    const news = JSON.parse(event.data);
    if (news.version === version) show(news); // those of earlier versions are told again, too
  });
  source.addEventListener("end", () => {
    source.close();
    end();
  });
  source.addEventListener("error", () => {
    // The browser takes up a broken line itself; one that was refused stays closed, and who asked
    // again at once would only be refused again.
    if (source.readyState === EventSource.CLOSED) later = setTimeout(end, AGAIN_MS);
  });
  return () => {
    clearTimeout(later);
    source.close();
  };
}
