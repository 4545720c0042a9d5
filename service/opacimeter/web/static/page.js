// The page: sends files, follows an assessment, lists the recent ones.

import { API, STATES, call, dateOf, element, get, nameOf, number } from "./elements.js";
import { show, showState } from "./result.js";

let current = null;
let source = null;

function say(text, bad = false) {
  get("message").textContent = text;
  get("message").classList.toggle("bad", bad);
}

const complain = (error) => say(error.message, true);

// --- sending ---------------------------------------------------------------------------------

function send(files) {
  if (files.length === 0) return;
  const form = new FormData();
  files.forEach((file, number) => form.append("files", file, `${number}`));
  const request = new XMLHttpRequest(); // fetch tells nothing of an upload's progress
  const what = files.length === 1 ? "1 file" : `${files.length} files`;
  sending(true);
  say(`Sending ${what}…`);
  request.upload.onprogress = ({ loaded, total }) => {
    get("sent").value = loaded / total;
    say(`Sending ${what}: ${Math.floor(100 * loaded / total)} %`);
  };
  request.upload.onload = () => {
    get("sent").removeAttribute("value");
    say(`${what} sent. Looking for studies…`);
  };
  request.onerror = () => complain(new Error("The upload broke off: the service does not answer. Send the study again."));
  request.onload = () => sent(request);
  request.onloadend = () => sending(false);
  request.open("POST", API);
  request.responseType = "json";
  request.send(form);
}

function sending(under_way) {
  get("sent").value = 0;
  get("sent").hidden = !under_way;
  get("files").disabled = get("folder").disabled = under_way;
  get("files").value = get("folder").value = ""; // the same choice again is a choice, too
}

function sent(request) {
  const body = request.response;
  if (request.status >= 400) {
    say(body?.detail ?? `The service answered ${request.status}.`, true);
    return;
  }
  const count = body.assessments.length;
  const known = body.assessments.filter((study) => !study.new).length;
  const told = count === 1 ? "1 study received" : `${count} studies received`;
  const before = known === 0 ? "." : known === count ? "; its images are known already." : `; the images of ${known} are known already.`;
  const refused = body.refused.map((study) => ` Refused: ${study.detail}`).join("");
  say(told + before + refused, refused !== "");
  list().catch(complain);
  open(body.assessments[0].id);
}

async function dropped(event) {
  event.preventDefault();
  get("drop").classList.remove("over");
  if (get("files").disabled) return;
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
  history.replaceState(null, "", `#${id}`);
  if (!await refresh()) return;
  get("patient").focus();
  source = new EventSource(`${API}/${id}/events`);
  source.addEventListener("step", (event) => showState(JSON.parse(event.data)));
  source.addEventListener("end", (event) => {
    event.target.close();
    if (current === id) refresh();
    list().catch(complain);
  });
}

async function refresh() {
  const id = current;
  try {
    const found = await call(`${API}/${id}`);
    const { artifacts } = await call(`${API}/${id}/artifacts`);
    if (id === current) show(found, artifacts);
  } catch (error) {
    complain(error);
    close();
    return false;
  }
  get("assessment").hidden = false;
  return id === current;
}

function close() {
  source?.close();
  current = null;
  history.replaceState(null, "", " ");
  get("assessment").hidden = true;
}

async function act(path, options) {
  try {
    await call(path, options);
    say("");
    return true;
  } catch (error) {
    complain(error);
    return false;
  } finally {
    list().catch(complain);
  }
}

async function remove() {
  if (!window.confirm("Delete this assessment with its images and documents?")) return;
  if (await act(`${API}/${current}`, { method: "DELETE" })) close();
}

async function again() {
  if (await act(`${API}/${current}/retry`, { method: "POST" })) open(current);
}

// --- the list --------------------------------------------------------------------------------

const UNFINISHED = ["received", "queued", "running"];
let cursor = null;
let later = null;

async function list(more = false) {
  clearTimeout(later);
  const page = await call(`${API}?limit=20${more && cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
  const rows = page.assessments.map(listRow);
  if (more) get("recent").append(...rows); else get("recent").replaceChildren(...rows);
  cursor = page.cursor;
  get("more").hidden = cursor === null;
  get("list").hidden = get("recent").rows.length === 0;
  get("none").hidden = !get("list").hidden;
  // Only the open assessment tells of itself; the others are asked for while they are at work.
  const waiting = page.assessments.some((found) => UNFINISHED.includes(found.status));
  if (waiting && !more) later = setTimeout(() => list().catch(complain), 3000);
}

function listRow(found) {
  const button = element("button", nameOf(found.patient) || found.patient?.id || "Unnamed");
  button.type = "button";
  button.addEventListener("click", () => open(found.id));
  const patient = element("td");
  patient.append(button);
  const state = element("td");
  state.append(element("span", STATES[found.status], `state ${found.status}`));
  const received = new Date(found.created).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  const study = [dateOf(found.study?.date), found.study?.description].filter(Boolean).join(" · ");
  const row = element("tr");
  row.append(patient, element("td", study), element("td", received), state,
    element("td", number(found.summary?.lesion_ml)), element("td", number(found.summary?.lesion_percent, 1)));
  return row;
}

// --- wiring ----------------------------------------------------------------------------------

for (const input of [get("files"), get("folder")]) {
  input.addEventListener("change", () => send([...input.files]));
}
// All of the page takes what is dropped: beside the frame, a browser would open the file instead.
window.addEventListener("dragover", (event) => { event.preventDefault(); get("drop").classList.add("over"); });
window.addEventListener("dragleave", () => get("drop").classList.remove("over"));
window.addEventListener("drop", (event) => dropped(event).catch(complain));
get("cancel").addEventListener("click", () => act(`${API}/${current}/cancel`, { method: "POST" }));
get("retry").addEventListener("click", again);
get("remove").addEventListener("click", remove);
get("more").addEventListener("click", () => list(true).catch(complain));
list().catch(complain);
if (location.hash.length > 30) open(location.hash.slice(1));
