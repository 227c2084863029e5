import { COLOURS, type Role } from './colours.ts';
import { dots, plane, type Frame, type Points } from './plane.ts';

export interface Cloud {
  readonly points: Points;
  readonly colour?: Role;
  /** Pixels. Default 1.2. */
  readonly radius?: number;
  /** Default 0.6. */
  readonly opacity?: number;
}

/** Clouds of points on top of each other, the first at the bottom. */
export const scatterChart = ({ clouds, ...frame }: Frame & { readonly clouds: readonly Cloud[] }): string =>
  plane(frame, (here) =>
    clouds
      .map(({ points, colour = 'first', radius = 1.2, opacity = 0.6 }) => dots(here, points, { colour: COLOURS[colour], radius, opacity }))
      .join(''),
  );
