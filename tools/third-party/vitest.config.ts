import { packageTests } from '../../vitest.shared.ts';

export default packageTests({ setupFiles: [], globalSetup: ['src/install.ts'], testTimeout: 300_000, hookTimeout: 300_000 });
