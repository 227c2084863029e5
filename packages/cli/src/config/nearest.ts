/** The name that somebody meant who wrote another: at most a third of its letters away (V. I. Levenshtein, 1966); none if nothing is so near. */
export const nearest = (word: string, names: readonly string[]): string | undefined => {
  const near = names.map((name) => ({ name, away: distance(word.toLowerCase(), name.toLowerCase()) }));
  const best = near.reduce<(typeof near)[number] | undefined>(
    (least, each) => (least && least.away <= each.away ? least : each),
    undefined,
  );
  return best !== undefined && best.away <= Math.max(1, Math.floor(best.name.length / 3)) ? best.name : undefined;
};

/** ` — did you mean X?` as a remedy begins, or nothing. */
export const meant = (word: string, names: readonly string[]): string => {
  const name = nearest(word, names);
  return name === undefined ? '' : `did you mean ${name}? `;
};

/** Letters to put in, take out or change. */
const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + Number(a[i - 1] !== b[j - 1])));
    row = next;
  }
  return row[b.length]!;
};
