import { packageTests } from '../../vitest.shared.ts';

/** What takes minutes and the real data: `npm run test:slow --workspace @tweedie/metrics`. */
export default packageTests({ include: ['test/**/*.slow.ts'], testTimeout: 600_000 });
