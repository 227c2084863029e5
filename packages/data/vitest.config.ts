import { packageTests } from '../../vitest.shared.ts';

// No tensor is made here: no engine is needed.
export default packageTests({ setupFiles: [], isolate: false });
