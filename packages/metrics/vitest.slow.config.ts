import { packageTests } from '../../vitest.shared.ts';

/** What takes minutes, hundreds of repeats or the real data: `npm run test:slow --workspace @tweedie/metrics`. */
export default packageTests({ include: ['src/**/*.slow.ts', 'test/**/*.slow.ts'], testTimeout: 600_000 });
