import { packageTests } from '../../vitest.shared.ts';

export default packageTests({ testTimeout: 600_000, hookTimeout: 600_000 });
