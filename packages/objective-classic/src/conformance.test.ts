import { testObjective } from '@tweedie/conformance';
import { ve } from '@tweedie/core';
import { dsm } from './dsm.ts';

testObjective({ title: 'dsm, law edm', create: () => dsm() });
testObjective({ title: 'dsm, law vp', create: () => dsm({ law: 'vp' }) });
testObjective({
  title: 'dsm, law ve, likelihood weighting',
  create: () => dsm({ law: 've', weighting: 'likelihood' }),
  settings: [{ schedule: ve(), head: 'score' }],
});
