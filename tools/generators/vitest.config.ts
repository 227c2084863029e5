import { packageTests } from '../../vitest.shared.ts';

export default packageTests({ setupFiles: [], testTimeout: 300_000, hookTimeout: 300_000 });
