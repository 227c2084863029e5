import { packageTests } from '../../vitest.shared.ts';

/** Everything on the engine that is asked for; the comparison with the reference implementation on `cpu` as well. */
export default packageTests({
  projects: [
    { extends: true, test: { name: 'engine' } },
    { extends: true, test: { name: 'cpu', exclude: ['**/!(song-unet).test.ts'], env: { TWEEDIE_BACKEND: 'cpu' } } },
  ],
});
