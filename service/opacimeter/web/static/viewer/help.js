// The list of keys and of what the mouse does.

import { build } from "../elements.js";
import { t } from "../language.js";
import { GESTURES, KEYS } from "./controls.js";

/** Shows it over a viewer; `closed` is called when it is gone again. */
export function showHelp(root, closed) {
  const gestures = GESTURES.map((name) => [t(`viewer.gesture.${name}.how`), t(`viewer.gesture.${name}`)]);
  const dialog = helpDialog([...KEYS.map(([keys, text]) => [keys, t(text)]), ...gestures]);
  root.append(dialog);
  dialog.addEventListener("close", () => {
    dialog.remove();
    closed();
  });
  dialog.showModal();
}

function helpDialog(rows) {
  const close = build("button", { type: "submit", autofocus: true }, t("viewer.help.close"));
  const lines = rows.map(([keys, text]) => build("tr", {}, build("th", { scope: "row" }, keys), build("td", {}, text)));
  return build("dialog", { class: "viewer-help", "aria-labelledby": "viewer-help-title" },
    build("form", { method: "dialog" }, build("h2", { id: "viewer-help-title" }, t("viewer.help")),
      build("table", {}, build("tbody", {}, lines)), build("p", {}, close)));
}
