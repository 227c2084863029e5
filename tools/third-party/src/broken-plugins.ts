import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const working = "import example from 'tweedie-plugin-example';\n";

const broken: Readonly<Record<string, { readonly code: string; readonly peers?: Readonly<Record<string, string>> }>> = {
  'tweedie-broken-api': { code: `${working}export default { ...example, name: 'tweedie-broken-api', api: 2 };` },
  'tweedie-broken-peer': { code: `import 'tweedie-absent';\nexport default {};`, peers: { 'tweedie-absent': '^3.0.0' } },
  'tweedie-broken-range': {
    code: `${working}export default { ...example, name: 'tweedie-broken-range' };`,
    peers: { '@tweedie/core': '>=7.0.0' },
  },
  'tweedie-broken-shape': { code: 'export default (options) => options;' },
  'tweedie-broken-import': { code: "throw new Error('planted');" },
};

/** Puts one package for each way to be broken into a project, as if npm had. */
export const plantBrokenPlugins = (project: string): void => {
  for (const [name, { code, peers }] of Object.entries(broken)) {
    const folder = join(project, 'node_modules', name);
    mkdirSync(folder, { recursive: true });
    const manifest = {
      name,
      version: '1.0.0',
      type: 'module',
      keywords: ['tweedie-plugin'],
      exports: { '.': './index.js', './package.json': './package.json' },
      peerDependencies: peers,
    };
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
    writeFileSync(join(folder, 'index.js'), `${code}\n`);
  }
};
