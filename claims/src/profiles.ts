import { lineChart, type Section } from '@tweedie/cli';
import { interpolated, readProfile } from '@tweedie/sampler-deis-sn';
import type { Lab } from './claim.ts';
import { round } from './digits.ts';
import { readStatistics } from './digits-statistics.ts';
import { needing, type PreparedFile } from './prepared-file.ts';

/** mean |ε̂| of both profiles at some levels. */
export interface Profiles {
  readonly levels: readonly number[];
  readonly measured: readonly number[];
  readonly gaussian: readonly number[];
}

const LEVELS = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 40, 80];

export const profilesOf = async (lab: Lab, measured: PreparedFile, gaussian: PreparedFile): Promise<Profiles> => {
  const values = async (file: PreparedFile): Promise<number[]> => {
    const at = interpolated(readProfile(await readStatistics(lab, file)));
    return LEVELS.map((rho) => round(at(rho), 4));
  };
  const cell = await needing(lab, [measured, gaussian]).cell(
    { kind: 'profiles', measured: measured.hash, gaussian: gaussian.hash, levels: [...LEVELS] },
    async () => ({ measured: await values(measured), gaussian: await values(gaussian) }),
  );
  return { levels: LEVELS, ...cell };
};

/** Published for CIFAR-10, at the least noise of its table: t = 1/1000 of VP, ρ = .01. */
export const PUBLISHED_LEAST = 0.5462;

export const profileSection = ({ levels, measured, gaussian }: Profiles): Section => ({
  title: 'The profiles',
  text: 'r = mean |ε̂|, by which scores are normalised: √(2/π) = .798 in pure noise, and the less of it the more of the picture is known. Constant r changes nothing.',
  table: {
    columns: ['ρ', ...levels.map(String)],
    rows: [
      ['measured on the checkpoint', ...measured],
      ['of the data’s Gaussian', ...gaussian],
    ],
  },
  figures: [
    {
      picture: (width) =>
        lineChart({
          lines: [
            { name: 'measured on the checkpoint', x: [...levels], y: [...measured], colour: 'first' },
            { name: 'of the data’s Gaussian', x: [...levels], y: [...gaussian], colour: 'second' },
          ],
          xLabel: 'noise level ρ',
          yLabel: 'mean |ε̂|',
          log: { x: true },
          width,
        }),
      alt: 'Mean size of the predicted noise against noise level, measured and of a Gaussian',
    },
  ],
});
