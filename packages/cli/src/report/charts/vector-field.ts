import { tweedieError } from '@tweedie/core';
import { COLOURS, type Role } from './colours.ts';
import { dots, heatmap, plane, tenth, type Frame, type Heat, type Points } from './plane.ts';

export interface VectorFieldOptions extends Frame {
  /** Where the arrows stand. */
  readonly at: Points;
  /** One a point. */
  readonly vectors: Points;
  /** Length of a vector that is drawn as long as the pitch, and the longest drawn: longer ones are cut there. Default: the median. */
  readonly scale?: number;
  /** Pixels of the longest arrow. Default 13. */
  readonly pitch?: number;
  readonly colour?: Role;
  /** Below the arrows. */
  readonly heat?: Heat;
  readonly points?: Points;
}

/** Arrows whose direction is exact and whose length is cut at `scale`: fields of scores span decades. */
export const vectorField = ({
  at,
  vectors,
  scale = medianLength(vectors),
  pitch = 13,
  colour = 'first',
  heat,
  points,
  ...frame
}: VectorFieldOptions): string => {
  if (at.length !== vectors.length)
    throw tweedieError({
      subject: `chart ${frame.title}`,
      problem: 'not one vector a point',
      got: `${at.length / 2} points, ${vectors.length / 2} vectors`,
    });
  return plane(frame, (here) => {
    let shafts = '';
    let heads = '';
    for (let i = 0; i < at.length; i += 2) {
      const [vx, vy] = [vectors[i]!, vectors[i + 1]!];
      const length = Math.hypot(vx, vy);
      if (!(length > 0)) continue;
      const drawn = pitch * Math.min(1, length / scale);
      const [ux, uy] = [(vx / length) * drawn, (-vy / length) * drawn]; // pixels count downwards
      shafts += `M${here.at(at[i]!, at[i + 1]!)}l${tenth(ux)} ${tenth(uy)}`;
      const side = (turn: number): string =>
        `l${tenth(-0.34 * (ux * Math.cos(turn) - uy * Math.sin(turn)))} ${tenth(-0.34 * (ux * Math.sin(turn) + uy * Math.cos(turn)))}`;
      const tip = `M${here.at(at[i]! + ux / here.unit, at[i + 1]! - uy / here.unit)}`;
      heads += `${tip}${side(0.5)}${tip}${side(-0.5)}`;
    }
    return [
      heat === undefined ? '' : heatmap(here, heat, frame.range),
      points === undefined ? '' : dots(here, points, { colour: COLOURS.data, radius: 0.8, opacity: 0.7 }),
      `<path d="${shafts}${heads}" fill="none" stroke="${COLOURS[colour]}" stroke-width="1.1"/>`,
    ].join('');
  });
};

const medianLength = (vectors: Points): number => {
  const lengths = Float64Array.from({ length: vectors.length / 2 }, (_, i) => Math.hypot(vectors[2 * i]!, vectors[2 * i + 1]!)).sort();
  return lengths[lengths.length >> 1] ?? 1;
};
