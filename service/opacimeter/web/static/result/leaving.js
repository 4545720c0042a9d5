// Keeps unsaved painting from being lost when the page or the study is left.

import { t } from "../language.js";

/**
 * @param {() => boolean} unsaved Whether something would be lost.
 * @returns {() => void} Stops watching.
 */
export function guard(unsaved) {
  const before = (event) => { if (unsaved()) event.preventDefault(); };
  const ways = window.navigation ? [window.navigation, "navigate", inside] : [document, "click", clicked];
  // The browser's own question: it holds up what it is asked for, as no dialog of ours could.
  const ask = (event) => { if (unsaved() && !window.confirm(t("result.paint.leave"))) event.preventDefault(); };
  function inside(event) {
    if (event.cancelable && event.destination.sameDocument) ask(event);
  }
  function clicked(event) {
    if (event.target.closest?.("a[href*='#']")) ask(event);
  }
  window.addEventListener("beforeunload", before);
  ways[0].addEventListener(ways[1], ways[2], true);
  return () => {
    window.removeEventListener("beforeunload", before);
    ways[0].removeEventListener(ways[1], ways[2], true);
  };
}
