// Where a viewer begins.

/** The slice with the most lesion, or the middle of the lungs; `mm` where a lesion lies on it. */
export function startOf({ profile = [], lesions = [] }) {
  const most = profile.reduce((best, row) => (row.lesion_cm2 > best.lesion_cm2 ? row : best), { slice: null, lesion_cm2: 0 });
  if (most.slice !== null) {
    const there = lesions.find(({ slices: [first, last] }) => first <= most.slice && most.slice <= last);
    return { slice: most.slice, mm: there?.centre_mm };
  }
  const lung = profile.filter(({ lung_cm2 }) => lung_cm2 > 0);
  const rows = lung.length ? lung : profile;
  return { slice: rows[rows.length >> 1]?.slice ?? 0 };
}
