// Runs a module from source in a process of its own: `node child.fixture.mjs /src/main.ts train …`.
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
const [node, , module, ...words] = process.argv;
process.argv = [node, 'tweedie', ...words];
await server.ssrLoadModule(module);
await server.close();
