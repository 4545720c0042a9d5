// Accepting or rejecting a result, in the words of IHE AIRAI.

import { API, call } from "../elements.js";
import { t } from "../language.js";
import { askAuthor } from "./dialogs.js";
import { button } from "./parts.js";

const json = (body) => ({ method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

/** The buttons of a review; `done` takes the reviewed assessment. */
export function reviewButtons(found, done) {
  return ["accepted", "rejected"].map((state) => {
    const made = button(t(`result.review.${state}`), async () => {
      const words = { title: t(`result.review.${state}.title`), intro: t(`result.review.${state}.intro`), verb: t(`result.review.${state}`) };
      const send = (given) => call(`${API}/${found.id}/review?version=${found.version}`, json({ state, ...given }));
      const answer = await askAuthor(words, send);
      if (answer) done(answer);
    }, `review-${state}`);
    made.setAttribute("aria-pressed", found.review?.state === state);
    return made;
  });
}
