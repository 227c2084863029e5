import { tweedieError } from '@tweedie/core';

/** Dots of a letter: 5 wide, 7 high, and one empty column after it. */
export const GLYPH = Object.freeze({ width: 5, height: 7, advance: 6 });

/** Seven rows of five bits, a character a row, base 32: 0 is empty, v (31) a full row; the leftmost dot is the highest bit. */
const FONT: Readonly<Record<string, string>> = Object.freeze({
  ' ': '0000000',
  '0': 'ehjlphe',
  '1': '4c4444e',
  '2': 'eh1248v',
  '3': 'v2421he',
  '4': '26aiv22',
  '5': 'vgu11he',
  '6': '68guhhe',
  '7': 'v124888',
  '8': 'ehhehhe',
  '9': 'ehhf12c',
  '.': '00000cc',
  ',': '0000c48',
  ':': '0cc0cc0',
  '-': '000v000',
  '−': '000v000',
  '+': '044v440',
  '=': '00v0v00',
  '/': '01248g0',
  '%': 'op248j3',
  '(': '2488842',
  ')': '8422248',
  '#': 'aavavaa',
  '→': '042v240',
  '×': '00ha4ah',
  σ: '00fiiic',
  ρ: '00ehhug',
  '∞': '00alla0',
  A: 'ehhhvhh',
  B: 'uhhuhhu',
  C: 'ehggghe',
  D: 'sihhhis',
  E: 'vgguggv',
  F: 'vgguggg',
  G: 'ehgnhhf',
  H: 'hhhvhhh',
  I: 'e44444e',
  J: '72222ic',
  K: 'hikokih',
  L: 'ggggggv',
  M: 'hrllhhh',
  N: 'hhpljhh',
  O: 'ehhhhhe',
  P: 'uhhuggg',
  Q: 'ehhhlid',
  R: 'uhhukih',
  S: 'fgge11u',
  T: 'v444444',
  U: 'hhhhhhe',
  V: 'hhhhha4',
  W: 'hhhllla',
  X: 'hha4ahh',
  Y: 'hhha444',
  Z: 'v1248gv',
});

/** Dots across of a line of text, the last letter's gap left out. */
export const labelWidth = (text: string): number => Math.max(0, [...text].length * GLYPH.advance - 1);

/** Calls `dot` for every dot of a line of text, from its upper left corner. Small letters are drawn as capitals. */
export const drawLabel = (text: string, dot: (x: number, y: number) => void): void => {
  [...text].forEach((character, position) => {
    const rows = FONT[character] ?? FONT[character.toUpperCase()];
    if (rows === undefined) {
      throw tweedieError({
        subject: 'pictures',
        problem: `there is no letter for "${character}" in the label "${text}"`,
        expected: `some of ${Object.keys(FONT).join('')}`,
      });
    }
    for (let y = 0; y < GLYPH.height; y++) {
      const bits = Number.parseInt(rows[y]!, 32);
      for (let x = 0; x < GLYPH.width; x++) if ((bits >> (GLYPH.width - 1 - x)) & 1) dot(position * GLYPH.advance + x, y);
    }
  });
};
