import { testSampler } from '@tweedie/conformance';
import { dpmpp2m } from './dpmpp.ts';
import { ddim, euler } from './euler.ts';
import { heun } from './heun.ts';

testSampler({ create: euler });
testSampler({ title: 'ddim, η = 1', create: () => ddim({ eta: 1 }), order: { create: () => ddim() } });
testSampler({ create: () => heun() });
testSampler({
  title: 'heun with churn',
  create: () => heun({ sChurn: 4 }),
  order: { create: () => heun() },
  deviates: { 'yields each step before its update': 'x0 is D(ŷ; ρ̂), the call that algorithm 2 makes; D(y; levels[i]) would cost another' },
});
testSampler({ create: () => dpmpp2m(), order: { create: () => dpmpp2m({ lowerOrderFinal: 'never' }) } });
