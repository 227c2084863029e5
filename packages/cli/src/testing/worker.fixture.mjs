// A worker from source, as child.fixture.mjs runs a process from source: the pool starts it where nothing is built.
import { createServer } from 'vite';

const conditions = ['@tweedie/source', 'node', 'module', 'development|production'];
const server = await createServer({
  root: new URL('../..', import.meta.url).pathname,
  configFile: false,
  logLevel: 'error',
  appType: 'custom',
  server: { middlewareMode: true, hmr: false, ws: false, watch: null },
  optimizeDeps: { noDiscovery: true },
  resolve: { conditions },
  ssr: { resolve: { conditions } },
});
const { default: work } = await server.ssrLoadModule('/src/workers/worker.ts');
export default work;
