import { testSampler } from '@tweedie/conformance';
import { karras } from '@tweedie/core';
import { ancestral, eulerAncestral } from './ancestral.ts';
import { deis } from './deis.ts';
import { dpmSolver2s, dpmSolver3s, dpmSolverFast } from './dpm-solver.ts';
import { dpmpp2m, dpmpp2mSde, dpmpp2s, dpmpp2sSde, dpmpp3m, dpmpp3mO3 } from './dpmpp.ts';
import { ddim, euler } from './euler.ts';
import { heun } from './heun.ts';
import { ipndm } from './ipndm.ts';
import { unipc } from './unipc.ts';

// adaptive.test.ts, pc.test.ts and dpm-solver-v3.test.ts hold dpm-solver-adaptive, rk45, pc and dpm-solver-v3 to the same contract.
const NEVER = { lowerOrderFinal: 'never' } as const;

testSampler({ create: euler });
testSampler({ title: 'ddim, η = 1', create: () => ddim({ eta: 1 }), order: { create: () => ddim() } });
testSampler({ create: ancestral });
testSampler({ title: 'ancestral, large', create: () => ancestral({ variance: 'large' }) });
testSampler({ create: eulerAncestral, order: { create: () => eulerAncestral({ eta: 0 }) } });
testSampler({ create: heun });
testSampler({
  title: 'heun with churn',
  create: () => heun({ sChurn: 4 }),
  order: { create: () => heun() },
  deviates: { 'yields each step before its update': 'x0 is D(ŷ; ρ̂), the call that algorithm 2 makes; D(y; levels[i]) would cost another' },
});
testSampler({ create: dpmSolver2s });
testSampler({ create: dpmSolver3s });
// Ends in one step of order 1 or 2, or in none, by N mod 3; here in 2, 2, 1, 2.
testSampler({
  create: dpmSolverFast,
  levels: (schedule, steps) =>
    karras({ steps: 3 * steps, max: Math.min(80, schedule.rho(schedule.tMax)), min: Math.max(0.002, schedule.rho(schedule.tMin)) }),
  order: { steps: [8, 17, 32, 65], window: [0.3, 1.5] },
});
testSampler({ create: dpmpp2s });
testSampler({ create: dpmpp2sSde, order: { create: () => dpmpp2sSde({ eta: 0 }) } });
testSampler({ create: dpmpp2m, order: { create: () => dpmpp2m(NEVER) } });
testSampler({ create: dpmpp2mSde, order: { create: () => dpmpp2mSde({ eta: 0 }) } });
// On coarse grids its third-order part is the larger one.
testSampler({ create: dpmpp3m, order: { create: () => dpmpp3m(NEVER), window: [0.3, 0.9] } });
testSampler({ create: dpmpp3mO3, order: { create: () => dpmpp3mO3(NEVER) } });
for (const order of [1, 2, 3] as const)
  testSampler({ title: `unipc of order ${order}`, create: () => unipc({ order }), order: { create: () => unipc({ order, ...NEVER }) } });
testSampler({ title: 'unipc, ε̂, bh1', create: () => unipc({ prediction: 'eps', variant: 'bh1' }), order: { create: () => unipc({ prediction: 'eps', variant: 'bh1', ...NEVER }) } }); // prettier-ignore
for (const variant of ['t-ab', 'rho-ab', 'log-rho-ab', 'rho-heun', 'rho-kutta3', 'rho-rk4'] as const)
  // From ρ = 10 the Euler step at the start weighs on degree 3.
  testSampler({ title: `deis ${variant}`, create: () => deis({ variant }), order: { window: [0.7, 0.5] } });
testSampler({ create: ipndm });
