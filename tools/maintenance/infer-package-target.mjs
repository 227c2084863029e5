// @ts-check
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createNodesFromFiles } from '@nx/devkit';

/**
 * An Nx plugin of one idea: whatever is published under packages/ answers `nx package`.
 *
 * @type {import('@nx/devkit').CreateNodesV2}
 */
export const createNodesV2 = [
  'packages/*/package.json',
  (files, options, context) =>
    createNodesFromFiles(
      (file, _options, { workspaceRoot }) => {
        const manifest = JSON.parse(readFileSync(join(workspaceRoot, file), 'utf8'));
        if (manifest.private) return {};
        const root = dirname(file);
        return {
          projects: {
            [root]: {
              targets: {
                package: {
                  command: `node tools/maintenance/check-package.mjs ${root}`,
                  cache: true,
                  dependsOn: ['build'],
                  inputs: ['production', '{projectRoot}/README.md', '{workspaceRoot}/tools/maintenance/check-package.mjs'],
                  metadata: { description: 'Packs the package and checks the tarball with publint and attw.' },
                },
              },
            },
          },
        };
      },
      files,
      options,
      context,
    ),
];
