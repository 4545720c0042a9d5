// From what was dropped to files: folders are walked to their ends.

import { Failure } from "../elements.js";

/** The files of a drop with a name for the whole. To be called within the event: later it is empty. */
export function taken(transfer) {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const roots = items.map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile()).filter(Boolean);
  return { name: roots.length === 1 ? roots[0].name : "", roots };
}

/** All files under the roots; `found` is told how many there are so far. */
export async function walk(roots, found = () => {}) {
  const files = [];
  const waiting = [...roots].reverse();
  while (waiting.length > 0) {
    const root = waiting.pop();
    if (root instanceof File) files.push(root);
    else if (root.isFile) files.push(await settled((done, failed) => root.file(done, failed)));
    else waiting.push(...(await children(root)).reverse());
    found(files.length);
  }
  return files;
}

async function children(folder) {
  const reader = folder.createReader();
  const all = [];
  for (;;) { // a reader gives at most a hundred entries at a time
    const some = await settled((done, failed) => reader.readEntries(done, failed));
    if (some.length === 0) return all;
    all.push(...some);
  }
}

function settled(ask) {
  return new Promise(ask).catch(() => {
    throw new Failure("unreadable");
  });
}
