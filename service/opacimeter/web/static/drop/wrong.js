// What is plainly no study is told at once, without sending it. Only what is certain: whether files
// are DICOM is for the service to say.

const MOST_LOOKED_AT = 20;

const BEGINNINGS = {
  pdf: [0x25, 0x50, 0x44, 0x46],
  png: [0x89, 0x50, 0x4e, 0x47],
  jpeg: [0xff, 0xd8, 0xff],
  rar: [0x52, 0x61, 0x72, 0x21],
  sevenzip: [0x37, 0x7a, 0xbc, 0xaf],
  gzip: [0x1f, 0x8b],
};

const TOLD_AS = { png: "picture", jpeg: "picture", rar: "archive", sevenzip: "archive", gzip: "archive" };

/** The key of the sentence that says what is wrong with a drop, or null. */
export async function wrongWith(files) {
  if (files.length === 0) return "page.drop.wrong.nothing";
  if (files.every((file) => file.size === 0)) {
    const archive = files.length === 1 && /\.zip$/i.test(files[0].name);
    return archive ? "page.drop.wrong.empty-zip" : "page.drop.wrong.empty-files";
  }
  if (files.length > MOST_LOOKED_AT) return null;
  const kinds = new Set(await Promise.all(files.map(kindOf)));
  const [kind] = kinds;
  return kinds.size === 1 && kind ? `page.drop.wrong.${kind}` : null;
}

async function kindOf(file) {
  if (/\.nii(\.gz)?$/i.test(file.name)) return "nifti";
  const head = new Uint8Array(await file.slice(0, 132).arrayBuffer().catch(() => new ArrayBuffer()));
  // PS3.10 7.1: the 128 bytes before the prefix may be those of another format.
  if (String.fromCharCode(...head.slice(128)) === "DICM") return null;
  const found = Object.keys(BEGINNINGS).find((kind) => BEGINNINGS[kind].every((byte, place) => head[place] === byte));
  return found ? TOLD_AS[found] ?? found : null;
}
