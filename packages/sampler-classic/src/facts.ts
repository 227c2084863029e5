import type { SamplerFacts } from '@tweedie/core';

/** Facts that most samplers here share; a method states what is its own. */
export const factsOf = (own: Pick<SamplerFacts, 'stochastic'> & Partial<SamplerFacts>): SamplerFacts => ({
  reachesZero: true,
  batchCoupled: false,
  likelihood: false,
  guidance: true,
  inpainting: true,
  ...own,
});
