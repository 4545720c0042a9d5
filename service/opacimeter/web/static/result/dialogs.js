// Dialogs: an explanation, and a question for name and reason. Native <dialog>, so that focus
// stays inside and goes back to where it came from.

import { element } from "../elements.js";
import { t } from "../language.js";
import { built, button } from "./parts.js";

const AUTHOR = "opacimeter.author";

/** The name that this browser gave last. */
export function rememberedAuthor() {
  try {
    return localStorage.getItem(AUTHOR) ?? "";
  } catch { // storage may be forbidden
    return "";
  }
}

function rememberAuthor(name) {
  try {
    localStorage.setItem(AUTHOR, name);
  } catch { // then it is asked for again
  }
}

/** Shows a text until it is closed. */
export function explain(title, paragraphs) {
  const dialog = opened(title, paragraphs.map((text) => element("p", text)));
  dialog.append(built("p", "dialog-buttons", button(t("result.close"), () => dialog.close())));
  dialog.showModal();
}

/**
 * Asks for a name and a reason and sends them; a refusal is shown inside, with what was typed.
 *
 * @param {{title: string, intro: string, verb: string}} words
 * @param {({author, reason}) => Promise} send
 * @returns {Promise<any>} what `send` gave; null where the dialog was left.
 */
export function askAuthor(words, send) {
  return new Promise((resolve) => {
    const author = field("author", t("result.dialog.author"), element("input"), rememberedAuthor());
    const reason = field("reason", t("result.dialog.reason"), element("textarea"), "");
    const problem = element("p", "", "message bad");
    problem.setAttribute("role", "alert");
    const form = built("form", "", author.label, reason.label, problem);
    const dialog = opened(words.title, [element("p", words.intro), form]);
    form.append(buttons(dialog, words.verb));
    let answer = null;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      answer = await submitted(form, problem, () => send({ author: author.input.value.trim(), reason: reason.input.value.trim() }));
      if (answer === null) return;
      rememberAuthor(author.input.value.trim());
      dialog.close();
    });
    dialog.addEventListener("close", () => resolve(answer));
    dialog.showModal();
    (author.input.value ? reason : author).input.focus();
  });
}

async function submitted(form, problem, send) {
  const submit = form.querySelector("[type=submit]");
  submit.disabled = true;
  problem.textContent = "";
  try {
    return await send() ?? {};
  } catch (error) {
    problem.textContent = error.message;
    return null;
  } finally {
    submit.disabled = false;
  }
}

function opened(title, children) {
  const heading = element("h2", title);
  heading.id = "dialog-title";
  const dialog = built("dialog", "result-dialog", heading, ...children);
  dialog.setAttribute("aria-labelledby", heading.id);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  return dialog;
}

function buttons(dialog, verb) {
  const act = button(verb, null, "primary");
  act.type = "submit";
  return built("p", "dialog-buttons", act, button(t("result.back"), () => dialog.close()));
}

function field(name, text, input, value) {
  Object.assign(input, { name, value, required: true, maxLength: name === "author" ? 128 : 1000 });
  if (name === "author") input.autocomplete = "name";
  return { input, label: built("label", "field", element("span", text), input) };
}
