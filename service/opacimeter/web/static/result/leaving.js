// Keeps unsaved painting from being lost when the page or the study is left.

import { t } from "../language.js";

/**
 * @param {() => boolean} unsaved Whether something would be lost.
 * @returns {{holds: (event: HashChangeEvent) => boolean, stop: () => void}} `holds` is asked before
 *   another part of the page is shown; `stop` ends watching.
 */
export function guard(unsaved) {
  const { navigation } = window;
  // The browser's own question: it holds up what it is asked for, as no dialog of ours could.
  const stays = () => unsaved() && !window.confirm(t("result.paint.leave"));
  const before = (event) => { if (unsaved()) event.preventDefault(); };
  const inside = (event) => { if (event.cancelable && event.destination.sameDocument && stays()) event.preventDefault(); };
  window.addEventListener("beforeunload", before);
  navigation?.addEventListener("navigate", inside);
  return {
    holds: (event) => !navigation && stays() && putBack(event),
    stop: () => {
      window.removeEventListener("beforeunload", before);
      navigation?.removeEventListener("navigate", inside);
    },
  };
}

/** Without the navigation API the address has changed already: as a new entry it is what it was,
 * for whether Back, Forward or a link led away cannot be known. */
function putBack({ oldURL }) {
  window.history.pushState(null, "", oldURL);
  return true;
}
