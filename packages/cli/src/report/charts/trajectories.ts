import { COLOURS, type Role } from './colours.ts';
import { dots, plane, type Frame, type Points } from './plane.ts';

export interface TrajectoriesOptions extends Frame {
  /** One a particle: where it was, in order. */
  readonly paths: readonly Points[];
  readonly colour?: Role;
  /** Below the paths. */
  readonly points?: Points;
}

/** The ways of a few particles; a dot where each ends. */
export const trajectories = ({ paths, colour = 'first', points, ...frame }: TrajectoriesOptions): string =>
  plane(frame, (here) => {
    const way = (path: Points): string =>
      Array.from({ length: path.length / 2 }, (_, i) => `${i === 0 ? 'M' : 'L'}${here.at(path[2 * i]!, path[2 * i + 1]!)}`).join('');
    const ends = paths.flatMap((path) => [path[path.length - 2]!, path[path.length - 1]!]);
    return [
      points === undefined ? '' : dots(here, points, { colour: COLOURS.data, radius: 0.8, opacity: 0.7 }),
      `<path d="${paths.map(way).join('')}" fill="none" stroke="${COLOURS[colour]}" stroke-opacity="0.45" stroke-width="1"/>`,
      dots(here, ends, { colour: COLOURS[colour], radius: 2.2 }),
    ].join('');
  });
