import type { Claim } from './claim.ts';
import { shippedDigits } from './digits.ts';
import { learnedScore } from './learned-score.ts';
import { skipping } from './skipping.ts';

/** Analytical teleportation, B. Wang and J. J. Vastola (2412.09726). */
export const teleport: Claim = Object.freeze<Claim>({
  id: 'teleport',
  method: 'Teleportation',
  paper:
    'B. Wang, J. J. Vastola: The Unreasonable Effectiveness of Gaussian Score Approximation for Diffusion Models and its Applications (2412.09726).',
  budget: { whole: 45, quick: 1.5 },
  study: async (lab) => {
    const subject = await shippedDigits(lab);
    const learned = await learnedScore(lab, subject);
    const skipped = await skipping(lab, subject);
    return {
      findings: [...skipped.findings, ...learned.findings],
      sections: [...skipped.sections, ...learned.sections],
      notes: [
        'The published figure, FID 1.93 with 15 to 30 % of the steps skipped, is of CIFAR-10 and EDM’s network: not measured here. UniPC is of order 2, DEIS-SN of degree 3 in log ρ with the profile measured on the checkpoint; DPM-Solver-v3 has statistics of this checkpoint on 60 intervals.',
      ],
    };
  },
});
