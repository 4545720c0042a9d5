// The page's frame: language, appearance, and which of its parts an address shows.
//
//   /#/                                   the worklist
//   /#/assessments/{id}[/versions/{n}]    a result
//   /?study={StudyInstanceUID}, /?accession={number}    from a PACS or RIS: the result, or the reason

import { startDrop } from "./drop/drop.js";
import { API, build, call, complain, get, say } from "./elements.js";
import { current, load, switchTo, t } from "./language.js";
import { createWorklist } from "./worklist/worklist.js";

const RESULT = /^#\/assessments\/([0-9a-f-]{36})(?:\/versions\/(\d+))?$/;

let worklist = null;
let result = null;
let turns = 0;

async function show() {
  const turn = ++turns;
  result?.close();
  result = null;
  const [, id, version] = location.hash.match(RESULT) ?? [];
  arrange(id !== undefined);
  if (id === undefined) return;
  try {
    const opened = await open(id, version);
    if (turn === turns) result = opened;
    else opened.close();
  } catch (error) {
    if (turn === turns) complain(error);
  }
}

// Loaded when it is first needed: the worklist does not wait for the viewer.
async function open(id, version) {
  const { openResult } = await import("./result/result.js");
  const container = build("div");
  get("assessment").replaceChildren(container);
  return openResult(container, id, version && Number(version));
}

function arrange(opensResult) {
  get("worklist").hidden = opensResult;
  get("assessment").hidden = !opensResult;
  get("assessment").replaceChildren();
  name();
  if (opensResult) worklist.pause();
  else worklist.resume();
}

// Never the patient's name: titles stand in the browser's history.
function name() {
  const part = get("assessment").hidden ? "page.worklist" : "page.assessment";
  document.title = `${t(part)} – opacimeter`;
  if (part === "page.worklist") get("to-worklist").setAttribute("aria-current", "page");
  else get("to-worklist").removeAttribute("aria-current");
}

async function lookUp() {
  const asked = new URLSearchParams(location.search);
  const [study, accession] = [asked.get("study"), asked.get("accession")];
  if ((!study && !accession) || RESULT.test(location.hash)) return;
  const filter = new URLSearchParams(study ? { study_uid: study } : { accession });
  const { assessments } = await call(`${API}?${filter}&limit=2`);
  if (assessments.length === 1) {
    location.replace(`/#/assessments/${assessments[0].id}`);
  } else if (assessments.length > 1) {
    worklist.search(accession);
  } else if (study) {
    say(() => t("page.no-such-study", { uid: study }), { bad: true });
  } else {
    say(() => t("page.no-such-accession", { accession }), { bad: true });
  }
}

function chooseTheme() {
  const theme = get("theme").value;
  localStorage.setItem("opacimeter.theme", theme);
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

function wire() {
  get("language").value = current();
  get("language").addEventListener("change", () => switchTo(get("language").value).catch(complain));
  get("theme").value = document.documentElement.dataset.theme ?? "system";
  get("theme").addEventListener("change", chooseTheme);
  // Until here nobody listened, and a choice would have been lost.
  for (const each of ["language", "theme"]) get(each).disabled = false;
  get("skip").addEventListener("click", (event) => {
    event.preventDefault(); // the part of an address after "#" says which part of the page is shown
    get("main").focus();
  });
  window.addEventListener("hashchange", (event) => {
    if (result?.holds(event)) return;
    say(null);
    get("main").focus({ preventScroll: true });
    show();
  });
  document.addEventListener("languagechanged", name);
}

await load();
worklist = createWorklist(get("worklist"));
startDrop({ list: get("sendings"), received: worklist.refresh });
wire();
await show();
lookUp().catch(complain);
