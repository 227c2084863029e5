import { lineChart } from './charts/line-chart.ts';

export interface LossPoint {
  /** Steps done. */
  readonly step: number;
  readonly loss: number;
}

/** Points of the raw line: more would only make the file larger. */
const SHOWN = 700;

/**
 * Every step's loss, pale, under its running mean. The mean is over a window of about a 25th of the run around each
 * step, so that it neither lags nor leads. The axis is logarithmic where the mean falls by more than a factor of three.
 */
export const lossChart = (points: readonly LossPoint[], width: number): string => {
  const half = Math.floor(points.length / 50);
  const mean = runningMean(
    points.map(({ loss }) => loss),
    half,
  );
  const every = Math.ceil(points.length / SHOWN);
  const thin = <T>(values: readonly T[]): T[] => values.filter((_, i) => i % every === 0 || i === values.length - 1);
  const x = thin(points.map(({ step }) => step));
  const losses = thin(points.map(({ loss }) => loss));
  const means = thin(mean);
  // Steps from one point to the next, where not every step was kept.
  const stride = points.length === 1 ? 1 : (points.at(-1)!.step - points[0]!.step) / (points.length - 1);
  const shown = Math.round(every * stride);
  const name = shown === 1 ? 'each step' : `one step in ${shown}`;
  return lineChart({
    lines:
      half === 0
        ? [{ name, x, y: losses }]
        : [
            { name, x, y: losses, style: 'raw' },
            { name: `mean over ${Math.round((2 * half + 1) * stride)} steps`, x, y: means, colour: 'second' },
          ],
    xLabel: 'training step',
    yLabel: 'loss',
    log: { y: points.every(({ loss }) => loss > 0) && Math.max(...means) > 3 * Math.min(...means) },
    width,
    height: width < 500 ? 260 : 320,
  });
};

/** The mean of the 2h + 1 values around each; at the ends, of those that are there. */
export const runningMean = (values: readonly number[], half: number): number[] => {
  const sums = new Float64Array(values.length + 1);
  values.forEach((value, i) => (sums[i + 1] = sums[i]! + value));
  return values.map((_, i) => {
    const [from, to] = [Math.max(0, i - half), Math.min(values.length, i + half + 1)];
    return (sums[to]! - sums[from]!) / (to - from);
  });
};
