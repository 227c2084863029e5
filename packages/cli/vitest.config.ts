import { packageTests } from '../../vitest.shared.ts';

export default packageTests({ setupFiles: ['../../vitest.engine.ts', 'src/testing/own-cache.fixture.ts'] });
