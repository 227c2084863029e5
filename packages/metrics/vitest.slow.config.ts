import { slowTests } from '../../vitest.shared.ts';

export default slowTests();
