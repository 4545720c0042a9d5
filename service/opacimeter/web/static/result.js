// One assessment: its state while it is worked on, its numbers once there are any.

import { STATES, dateOf, element, get, nameOf, number } from "./elements.js";

const SEVERITIES = { reject: "Why not", warning: "Warning", info: "Note" };

const REGIONS = {
  "lungs": "Both lungs", "right-lung": "Right lung", "right-upper": "upper zone",
  "right-middle": "middle zone", "right-lower": "lower zone", "left-lung": "Left lung",
  "left-upper": "upper zone", "left-middle": "middle zone", "left-lower": "lower zone",
};

const DOCUMENTS = {
  "result.json": "Result (JSON)", "measurements.csv": "Table (CSV)",
  "overlay.png": "Overview (PNG)", "labels.nii.gz": "Lungs and opacities (NIfTI)",
  "anatomy.nii.gz": "Zones (NIfTI)", "volume.nii.gz": "CT (NIfTI)",
};

export function show(found, artifacts) {
  const { patient, study } = found;
  get("patient").textContent = nameOf(patient) || patient?.id || "Unnamed patient";
  const version = found.version > 1 ? `version ${found.version}` : "";
  const parts = [patient?.id, dateOf(study?.date), study?.description, version];
  get("study").textContent = parts.filter(Boolean).join(" · ");
  showState(found);
  showScores(found);
  showChecks(found);
  showRegions(found.regions ?? {});
  showSeries(found);
  showDocuments(artifacts);
}

export function showState(told) {
  const waiting = told.status === "received" || told.status === "queued";
  const running = told.status === "running";
  get("state").textContent = told.cancelling ? "Stopping" : STATES[told.status];
  get("state").className = `state ${told.status}`;
  get("work").hidden = !(waiting || running);
  showStep(running ? told.step : "wait", told.fraction);
  get("error").hidden = !told.error;
  get("error").textContent = told.error ?? "";
  get("cancel").hidden = !(running || waiting) || told.cancelling === true;
  get("retry").hidden = !["failed", "cancelled", "rejected"].includes(told.status);
  get("remove").hidden = running || waiting;
}

function showStep(step, fraction) {
  const steps = [...get("steps").children];
  const at = steps.findIndex((item) => item.dataset.step === step);
  steps.forEach((item, place) => {
    item.className = place < at ? "done" : "";
    if (place === at) item.setAttribute("aria-current", "step"); else item.removeAttribute("aria-current");
  });
  // A step that has not told of its progress is under way all the same.
  if (fraction) get("progress").value = fraction; else get("progress").removeAttribute("value");
}

function showScores({ status, summary, regions }) {
  const scores = status === "complete" && summary ? scoresOf(summary, regions?.lungs) : [];
  get("scores").replaceChildren(...scores.map(([name, value, remark]) => {
    const group = element("div");
    group.append(element("dt", name), element("dd", value));
    if (remark) group.append(element("dd", remark, "of"));
    return group;
  }));
}

function scoresOf(summary, lungs) {
  const { lesion_ml, lesion_percent, high_opacity_percent, interval_90_percent, ct_ss, zone_score } = summary;
  const scores = [];
  if (lesion_ml !== undefined) scores.push(["Opacity", `${number(lesion_ml)} ml`, lungs && `of ${number(lungs.volume_ml)} ml lung`]);
  if (lesion_percent !== undefined) {
    const [low, high] = interval_90_percent ?? [];
    const interval = low === undefined ? "of the lungs" : `90 % interval ${number(low, 1)} to ${number(high, 1)}`;
    const remark = summary.below_detection_limit ? "below the detection limit" : interval;
    scores.push(["Share", `${number(lesion_percent, 1)} %`, remark]);
  }
  if (high_opacity_percent !== undefined) scores.push(["High opacity", `${number(high_opacity_percent, 1)} %`, "at −200 HU or above"]);
  if (ct_ss) scores.push(["CT severity", `${ct_ss.grade} of 5`, ct_ss.near_boundary ? "near a boundary" : "grade by share"]);
  if (zone_score) scores.push(["Zone score", `${zone_score.value} of ${zone_score.of}`, "six zones"]);
  return scores;
}

function showChecks({ checks, status }) {
  const items = (checks ?? []).map((check) => {
    const item = element("li", "", check.severity);
    item.append(element("strong", `${SEVERITIES[check.severity]}: `), check.message);
    return item;
  });
  if (items.length === 0 && status === "complete") items.push(element("li", "All passed without a remark."));
  get("remarks").hidden = items.length === 0;
  get("checks").replaceChildren(...items);
}

function showRegions(regions) {
  const names = Object.keys(REGIONS).filter((name) => regions[name]?.volume_ml !== undefined);
  get("regions").hidden = names.length === 0;
  get("regions").tBodies[0].replaceChildren(...names.map((name) => {
    const { volume_ml, lesion_ml, lesion_percent, mean_hu } = regions[name];
    const row = element("tr", "", name === "lungs" ? "whole" : name.endsWith("lung") ? "side" : "zone");
    const head = element("th", REGIONS[name]);
    head.scope = "row";
    const cells = [number(volume_ml), number(lesion_ml), number(lesion_percent, 1), number(mean_hu)];
    row.append(head, ...cells.map((text) => element("td", text)));
    return row;
  }));
}

function showSeries({ series, seconds, model }) {
  const told = [];
  if (series?.uid) {
    const thickness = series.thickness_mm == null ? "" : ` of ${series.thickness_mm} mm`;
    told.push(`Series ${series.number ?? ""} ${series.description ?? ""}, ${series.slices} slices${thickness}. ${series.chosen_because ?? ""}`);
  }
  if (model?.version) told.push(`Network ${model.name} ${model.version}${seconds?.total ? `, ${number(seconds.total, 1)} s` : ""}.`);
  get("series").textContent = told.join(" ");
}

function showDocuments(artifacts) {
  get("documents").replaceChildren(...artifacts.map((made) => {
    const link = element("a", DOCUMENTS[made.name] ?? made.name);
    link.href = made.href;
    const item = element("li");
    item.append(link);
    return item;
  }));
  const picture = artifacts.find((made) => made.name === "overlay.png");
  get("figure").hidden = picture === undefined;
  if (!picture) return;
  get("overlay").src = picture.href;
  get("whole").href = picture.href;
}
