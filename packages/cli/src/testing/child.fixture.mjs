// Runs train-child.fixture.ts from source in a process of its own: `node child.fixture.mjs FOLDER`.
import { createServer } from 'vite';

const root = new URL('../..', import.meta.url).pathname;
const conditions = ['@tweedie/source', 'node', 'module', 'development|production'];
const server = await createServer({
  root,
  configFile: false,
  logLevel: 'error',
  appType: 'custom',
  server: { middlewareMode: true, hmr: false, ws: false, watch: null },
  optimizeDeps: { noDiscovery: true },
  resolve: { conditions },
  ssr: { resolve: { conditions } },
});
const { child } = await server.ssrLoadModule('/src/testing/train-child.fixture.ts');
await child(process.argv[2]);
await server.close();
