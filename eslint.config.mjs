import nx from '@nx/eslint-plugin';
import jsoncParser from 'jsonc-eslint-parser';
import tseslint from 'typescript-eslint';

/**
 * The rules of the house, as far as a machine can check them. `tools/boundaries` plants a violation of each and sees it reported.
 *
 * Arrows point one way: core imports none of ours; analytic → core; leaves → core and analytic; backend → core; conformance → core,
 * analytic, backend; cli and examples → everything. Tests alone may look sideways.
 */

/** May be imported by kind, in the source that is published. */
const allowed = {
  core: [],
  analytic: ['core'],
  objective: ['core', 'analytic'],
  sampler: ['core', 'analytic'],
  metric: ['core', 'analytic'],
  networks: ['core', 'analytic'],
  data: ['core', 'analytic'],
  onnx: ['core'],
  backend: ['core'],
  conformance: ['core', 'analytic', 'backend'],
};
const anything = ['cli', 'example', 'tool'];
const leaves = ['objective', 'sampler', 'metric', 'networks', 'data', 'onnx'];

const kinds = (names) => names.map((name) => `kind:${name}`);
const arrows = (table) => [
  ...Object.entries(table).map(([kind, targets]) => ({ sourceTag: `kind:${kind}`, onlyDependOnLibsWithTags: kinds(targets) })),
  ...kinds(anything).map((sourceTag) => ({ sourceTag, onlyDependOnLibsWithTags: ['*'] })),
];
const boundaries = (table) => [
  'error',
  {
    // A file of the root belongs to no project.
    allow: ['../../vitest.shared.ts', '../vitest.shared.ts'],
    enforceBuildableLibDependency: false,
    // A command loads lazily what it needs, and other files of it may need it at once.
    checkDynamicDependenciesExceptions: ['.*'],
    depConstraints: arrows(table),
  },
];
/** Tests of the leaves look sideways too. What the kit itself stands on cannot be tested with it: Nx builds in the order of these arrows. */
const allowedInTests = {
  ...allowed,
  ...Object.fromEntries(leaves.map((kind) => [kind, ['core', 'analytic', 'conformance', ...leaves]])),
};

const testing = ['**/*.test.ts', '**/vitest.config.ts', 'packages/*/test/**/*.ts'];
/** Programs that made what lies in the repository (weights, fixtures). They are run by hand and may use everything. */
const recipes = ['packages/*/recipes/**/*.ts', 'packages/*/bench/**/*.mjs'];
/** The only places that may know that there is a file system. */
const onNode = [
  'packages/core/src/node/**',
  'packages/metrics/src/node.ts',
  'packages/onnx/src/runtime.ts',
  'packages/conformance/src/test-readme.ts',
  'packages/{data,backend,cli}/**',
  'tools/**',
  'examples/**',
  'bench/**',
  'claims/**',
  ...testing,
  ...recipes,
];

const container = {
  regex: '^(tsyringe|reflect-metadata)(/|$)',
  message: 'Dependency injection lives in packages/core/src/plugin/container.ts alone.',
};
const node = {
  regex: '^node:',
  message: 'This package runs in the browser; node: belongs in core/src/node, data, backend, cli, tools, examples and tests.',
};
const engine = {
  regex: '^@tensorflow/tfjs(-backend-.*|-node.*|-converter|-layers|-data)?(/|$)',
  message: 'Only packages/backend names an engine; numerics use @tensorflow/tfjs-core.',
};
const restricted = (...patterns) => ({
  'no-restricted-imports': 'off',
  '@typescript-eslint/no-restricted-imports': ['error', { patterns }],
});

const noBlocking = ['dataSync', 'arraySync'].map((name) => ({
  selector: `MemberExpression[property.name="${name}"]`,
  message: `${name} blocks, and fails on WebGPU: await data() instead.`,
}));
const noChance = {
  selector: 'MemberExpression[object.name="Math"][property.name="random"]',
  message: 'Randomness comes through Noise, so that a run can be repeated.',
};
const noClasses = { selector: 'ClassDeclaration, ClassExpression', message: 'Plain frozen objects from typed factories; no classes.' };
const syntax = (...rules) => ({ 'no-restricted-syntax': ['error', ...rules] });

export default [
  {
    ignores: [
      '**/dist',
      '**/out-tsc',
      '**/out-test',
      '**/.nx',
      '**/coverage',
      '**/runs',
      '**/golden',
      '**/*.timestamp*',
      'tools/generators/method/files',
      'examples/third-party-plugin',
    ],
  },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  { plugins: { '@nx': nx, '@typescript-eslint': tseslint.plugin } },

  // TypeScript.
  ...[...tseslint.configs.strict, ...tseslint.configs.stylistic].map((config) => ({ ...config, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/consistent-indexed-object-style': 'off',
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false, fixStyle: 'separate-type-imports' }],
      '@typescript-eslint/no-confusing-non-null-assertion': 'off',
      '@typescript-eslint/no-dynamic-delete': 'off',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true }],
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/prefer-for-of': 'off',
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      eqeqeq: 'error',
      'no-console': 'error',
      'prefer-const': 'error',
    },
  },

  // Who may import whom.
  { files: ['**/*.ts', '**/*.mjs'], rules: { '@nx/enforce-module-boundaries': boundaries(allowed) } },
  { files: testing, rules: { '@nx/enforce-module-boundaries': boundaries(allowedInTests) } },
  { files: recipes, rules: { '@nx/enforce-module-boundaries': 'off', 'no-console': 'off' } },

  // What may be imported from outside.
  { files: ['packages/**/*.ts'], rules: restricted(container, node, engine) },
  { files: onNode, rules: restricted(container, engine) },
  { files: ['packages/backend/**/*.ts'], rules: restricted(container) },
  { files: ['packages/core/src/plugin/container.ts'], rules: restricted(node, engine) },
  // A page of the browser brings its own engine.
  { files: ['tools/bundle/src/page.ts'], rules: restricted(container, node) },

  // How numerics are written.
  { files: ['packages/**/*.ts', 'examples/**/*.ts', 'bench/**/*.ts', 'claims/**/*.ts'], rules: syntax(...noBlocking, noChance, noClasses) },
  {
    files: ['**/index.ts'],
    rules: syntax(...noBlocking, noChance, noClasses, { selector: 'ExportAllDeclaration', message: 'index.ts re-exports by name.' }),
  },
  { files: testing, rules: syntax(noChance) },
  { files: ['packages/cli/**', 'examples/**', 'bench/**', 'claims/**', 'tools/**', '**/*.slow.ts'], rules: { 'no-console': 'off' } },

  // What package.json declares is what is imported.
  {
    files: ['packages/*/package.json', 'examples/*/package.json', 'bench/package.json', 'claims/package.json'],
    languageOptions: { parser: jsoncParser },
    rules: {
      '@nx/dependency-checks': [
        'error',
        {
          ignoredFiles: [
            '{projectRoot}/**/*.test.ts',
            '{projectRoot}/test/**/*',
            '{projectRoot}/recipes/**/*',
            '{projectRoot}/vitest.config.ts',
            '{projectRoot}/eslint.config.mjs',
          ],
          checkVersionMismatches: false,
          // Loaded by name at run time, where somebody installed them; jiti and yaml by c12. Nx does not see that gifenc is imported.
          ignoredDependencies: [
            '@tensorflow/tfjs-node',
            '@tensorflow/tfjs-node-gpu',
            '@tensorflow/tfjs-backend-webgpu',
            'webgpu',
            'onnxruntime-node',
            'gifenc',
            'jiti',
            'yaml',
          ],
          useLocalPathsForWorkspaceDependencies: false,
        },
      ],
    },
  },
];
