import { packageTests } from '../../vitest.shared.ts';

/** What downloads a lot: `npm run test:slow --workspace @tweedie/data`. */
export default packageTests({ include: ['src/**/*.slow.ts'], setupFiles: [], testTimeout: 600_000 });
