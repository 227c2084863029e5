/** A number for a reader: `digits` significant ones, thousands apart, powers of ten where zeros would be counted. */
export const formatNumber = (value: number, digits = 4): string => {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'not a number' : value > 0 ? '∞' : '−∞';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e7) {
    const [mantissa = '', exponent = ''] = value.toExponential(Math.min(digits, 3) - 1).split('e');
    return `${minus(trimmed(mantissa))}·10${superscript(String(Number(exponent)))}`;
  }
  const text = Number.isInteger(value) ? String(value) : trimmed(size >= 10 ** digits ? value.toFixed(0) : value.toPrecision(digits));
  const [whole = '', fraction] = text.split('.');
  const spaced = whole.replace(/^-?\d{5,}$/, (n) => n.replace(/\B(?=(\d{3})+$)/g, '\u202f'));
  return minus(fraction === undefined ? spaced : `${spaced}.${fraction}`);
};

const trimmed = (text: string): string => (text.includes('.') ? text.replace(/\.?0+$/, '') : text);
const minus = (text: string): string => text.replace('-', '−');
const superscript = (text: string): string => [...text].map((c) => (c === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(c)]!)).join('');

/** `2 min 5 s`, `3.2 s`. */
export const formatSeconds = (seconds: number): string => {
  if (seconds < 60) return `${formatNumber(seconds, seconds < 10 ? 2 : 3)} s`;
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  return [hours > 0 ? `${hours} h` : '', `${minutes} min`, hours > 0 ? '' : `${rest} s`].filter(Boolean).join(' ');
};
