/**
 * Colours by role. Inside a report the page's variables say what they are, in light and in dark; a chart that is saved alone falls
 * back to the colour for paper.
 */
export const COLOURS = Object.freeze({
  ink: 'var(--chart-ink, #57534e)',
  grid: 'var(--chart-grid, #e7e5e0)',
  data: 'var(--chart-data, #a8a29e)',
  first: 'var(--chart-first, #0f766e)',
  second: 'var(--chart-second, #c2410c)',
  third: 'var(--chart-third, #4f46e5)',
  fourth: 'var(--chart-fourth, #a21caf)',
  fifth: 'var(--chart-fifth, #a16207)',
  sixth: 'var(--chart-sixth, #0369a1)',
  seventh: 'var(--chart-seventh, #be123c)',
  eighth: 'var(--chart-eighth, #4d7c0f)',
});

export type Role = keyof typeof COLOURS;

export const FONT = 'ui-sans-serif, system-ui, sans-serif';
