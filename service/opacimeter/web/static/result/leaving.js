// Keeps unsaved painting from being lost when the page or the study is left.

import { t } from "../language.js";

/**
 * @param {() => boolean} unsaved Whether something would be lost.
 * @returns {() => void} Stops watching.
 */
export function guard(unsaved) {
  const before = (event) => { if (unsaved()) event.preventDefault(); };
  // The browser's own question: it holds up what it is asked for, as no dialog of ours could.
  const stays = () => unsaved() && !window.confirm(t("result.paint.leave"));
  const [target, name, act] = window.navigation ? [window.navigation, "navigate", going] : [window, "hashchange", gone];
  function going(event) {
    if (event.cancelable && event.destination.sameDocument && stays()) event.preventDefault();
  }
  // Without the navigation API the address has changed already. Nobody else is told, and it is put
  // back as a new entry: whether Back, Forward or a link led away cannot be known.
  function gone(event) {
    if (!stays()) return;
    event.stopImmediatePropagation();
    window.history.pushState(null, "", event.oldURL);
  }
  window.addEventListener("beforeunload", before);
  target.addEventListener(name, act, true);
  return () => {
    window.removeEventListener("beforeunload", before);
    target.removeEventListener(name, act, true);
  };
}
