import { packageTests } from '../../vitest.shared.ts';

/** What repeats a measurement hundreds of times: `npm run test:slow --workspace @tweedie/metrics`. */
export default packageTests({ include: ['src/**/*.slow.ts'], testTimeout: 600_000 });
