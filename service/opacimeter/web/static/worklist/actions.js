// What can be done with an assessment from the worklist.

import { API, call, confirmed, nameOf } from "../elements.js";
import { t } from "../language.js";

export function act(id, verb) {
  return call(`${API}/${id}/${verb}`, { method: "POST" });
}

/** Delete after asking; whether it was agreed to. */
export async function remove({ id, patient, study }) {
  const agreed = await confirmed({
    title: t("page.remove.title"),
    text: t("page.remove.text", { name: nameOf(patient) || patient?.id || t("page.unnamed"), date: study?.date ?? "" }),
    action: t("page.remove.action"),
  });
  if (agreed) await call(`${API}/${id}`, { method: "DELETE" });
  return agreed;
}
