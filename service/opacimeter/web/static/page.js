// The page: sends files, follows an assessment, shows its numbers. Text only ever enters the
// document as text: what comes from DICOM headers is a stranger's.

const API = "/api/v1/assessments";
const STEPS = {
  read: "reading", segment: "finding lungs and opacities", measure: "measuring",
  report: "writing the report", deliver: "delivering",
};
const get = (id) => document.getElementById(id);
let current = null;
let source = null;

function element(name, text = "", className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

async function call(path, options = {}) {
  const answer = await fetch(path, options);
  const body = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Error(body?.detail ?? `The service answered ${answer.status}.`);
  return body;
}

function say(text) { get("message").textContent = text; }

// --- sending ---------------------------------------------------------------------------------

function send(files) {
  if (files.length === 0) return;
  const form = new FormData();
  files.forEach((file, number) => form.append("files", file, `${number}`));
  const request = new XMLHttpRequest(); // fetch tells nothing of an upload's progress
  const bar = get("sent");
  bar.hidden = false;
  say(`Sending ${files.length} file${files.length === 1 ? "" : "s"}…`);
  request.upload.onprogress = (event) => { bar.value = event.loaded / event.total; };
  request.upload.onload = () => say("Reading headers…");
  request.onerror = () => { bar.hidden = true; say("The upload failed: the line was lost."); };
  request.onload = () => { bar.hidden = true; sent(request); };
  request.open("POST", API);
  request.responseType = "json";
  request.send(form);
}

function sent(request) {
  const body = request.response;
  if (request.status >= 400) {
    say(body?.detail ?? `The service answered ${request.status}.`);
    return;
  }
  const known = body.assessments.filter((study) => !study.new).length;
  const refused = body.refused.map((study) => ` ${study.detail}`).join("");
  const count = body.assessments.length;
  say(`${count} stud${count === 1 ? "y" : "ies"} received${known ? `, ${known} known already` : ""}.${refused}`);
  list();
  open(body.assessments[0].id);
}

async function dropped(event) {
  event.preventDefault();
  get("drop").classList.remove("over");
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
  send((await Promise.all(entries.map(walk))).flat());
}

async function walk(entry) {
  if (entry.isFile) return [await new Promise((done, failed) => entry.file(done, failed))];
  const reader = entry.createReader();
  const found = [];
  for (;;) { // a reader gives at most a hundred entries at a time
    const some = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (some.length === 0) return found;
    for (const child of some) found.push(...await walk(child));
  }
}

// --- one assessment --------------------------------------------------------------------------

async function open(id) {
  current = id;
  source?.close();
  get("assessment").hidden = false;
  if (!await refresh()) return;
  get("assessment-title").focus();
  source = new EventSource(`${API}/${id}/events`);
  source.addEventListener("step", (event) => showState(JSON.parse(event.data)));
  source.addEventListener("end", () => { source.close(); refresh(); list(); });
}

async function refresh() {
  try {
    show(await call(`${API}/${current}`));
    return true;
  } catch (error) {
    say(error.message);
    get("assessment").hidden = true;
    return false;
  }
}

function show(found) {
  const { patient, study } = found;
  get("who").textContent = [patient?.name, patient?.id, study?.date, study?.description].filter(Boolean).join(" · ");
  showState(found);
  get("checks").replaceChildren(...(found.checks ?? []).map((check) => element("li", check.message, check.severity)));
  showScores(found.summary ?? {}, found.status);
  showRegions(found.regions ?? {});
  showDocuments();
}

function showState(state) {
  const running = state.status === "running";
  const waiting = state.status === "received" || state.status === "queued";
  const step = running && state.step ? `: ${STEPS[state.step] ?? state.step}` : "";
  get("state").textContent = `Version ${state.version}, ${state.status}${step}. ${state.error ?? ""}`;
  get("progress").hidden = !running;
  get("progress").value = state.fraction ?? 0;
  get("cancel").hidden = !(running || waiting);
  get("retry").hidden = !["failed", "cancelled", "rejected"].includes(state.status);
  get("remove").hidden = running || waiting;
}

function showScores(summary, status) {
  const scores = [];
  const add = (name, text) => { scores.push(element("dt", name), element("dd", text)); };
  if (status === "complete" && summary.lesion_ml !== undefined) add("Opacity", `${number(summary.lesion_ml)} ml`);
  if (status === "complete" && summary.lesion_percent !== undefined) add("Share of the lungs", `${number(summary.lesion_percent)} %`);
  const groups = [];
  for (let at = 0; at < scores.length; at += 2) {
    const group = element("div");
    group.append(scores[at], scores[at + 1]);
    groups.push(group);
  }
  get("scores").replaceChildren(...groups);
}

function showRegions(regions) {
  const rows = Object.entries(regions).filter(([, values]) => values.volume_ml !== undefined);
  get("regions").hidden = rows.length === 0;
  get("regions").tBodies[0].replaceChildren(...rows.map(([name, values]) => {
    const row = element("tr");
    const head = element("th", name.replace("-", " "));
    head.scope = "row";
    row.append(head, ...["volume_ml", "lesion_ml", "lesion_percent"].map((key) => element("td", number(values[key]))));
    return row;
  }));
}

async function showDocuments() {
  const { artifacts } = await call(`${API}/${current}/artifacts`);
  get("documents").replaceChildren(...artifacts.map((made) => {
    const link = element("a", made.name);
    link.href = made.href;
    const item = element("li");
    item.append(link);
    return item;
  }));
  const picture = artifacts.find((made) => made.name === "overlay.png");
  get("figure").hidden = picture === undefined;
  if (picture) get("overlay").src = picture.href;
}

function number(value) {
  return value === undefined || value === null ? "–" : value.toFixed(1);
}

// --- the list --------------------------------------------------------------------------------

let cursor = null;

async function list(more = false) {
  const page = await call(`${API}?limit=20${more && cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
  const rows = page.assessments.map(listRow);
  if (more) get("recent").append(...rows); else get("recent").replaceChildren(...rows);
  cursor = page.cursor;
  get("more").hidden = cursor === null;
}

function listRow(found) {
  const row = element("tr");
  const received = element("td");
  const button = element("button", new Date(found.created).toLocaleString());
  button.type = "button";
  button.addEventListener("click", () => open(found.id));
  received.append(button);
  const patient = [found.patient?.name, found.patient?.id].filter(Boolean).join(" · ");
  row.append(received, element("td", patient), element("td", found.status),
    element("td", number(found.summary?.lesion_ml)), element("td", number(found.summary?.lesion_percent)));
  return row;
}

async function act(path, options) {
  try {
    await call(path, options);
    say("");
  } catch (error) {
    say(error.message);
  }
  list();
}

async function remove() {
  if (!window.confirm("Delete this assessment with its images and documents?")) return;
  source?.close();
  await act(`${API}/${current}`, { method: "DELETE" });
  get("assessment").hidden = true;
}

get("files").addEventListener("change", (event) => send([...event.target.files]));
get("folder").addEventListener("change", (event) => send([...event.target.files]));
get("drop").addEventListener("dragover", (event) => { event.preventDefault(); get("drop").classList.add("over"); });
get("drop").addEventListener("dragleave", () => get("drop").classList.remove("over"));
get("drop").addEventListener("drop", (event) => dropped(event).catch((error) => say(error.message)));
get("cancel").addEventListener("click", () => act(`${API}/${current}/cancel`, { method: "POST" }));
get("retry").addEventListener("click", async () => { await act(`${API}/${current}/retry`, { method: "POST" }); open(current); });
get("remove").addEventListener("click", remove);
get("more").addEventListener("click", () => list(true));
list().catch((error) => say(error.message));
