// What both parts of the page use. Text only ever enters the document as text: what comes from
// DICOM headers is a stranger's.

export const API = "/api/v1/assessments";

export const STATES = {
  received: "Received", queued: "Waiting", running: "At work", complete: "Complete",
  rejected: "Cannot be measured", failed: "Failed", cancelled: "Cancelled",
};

export const get = (id) => document.getElementById(id);

export function element(name, text = "", className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

export async function call(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error("The service does not answer. Is it running?");
  }
  const body = answer.status === 204 ? null : await answer.json().catch(() => null);
  if (!answer.ok) throw new Error(body?.detail ?? `The service answered ${answer.status}.`);
  return body;
}

export function number(value, digits = 0) {
  if (value === undefined || value === null) return "–";
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }).replace("-", "−");
}

// PS3.5 6.2.1: up to three ways to write one name, each family^given^middle^prefix^suffix.
export function nameOf(patient) {
  const ways = (patient?.name ?? "").split("=").map((way) => way.split("^").filter(Boolean).join(", "));
  return ways.filter(Boolean).join(" / ");
}

export function dateOf(text) {
  return (text ?? "").replace(/^(\d{4})(\d{2})(\d{2})$/, "$1-$2-$3");
}
