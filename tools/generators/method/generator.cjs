// @ts-check
const { join } = require('node:path');
const { formatFiles, generateFiles, joinPathFragments, names, readJson } = require('@nx/devkit');

/**
 * npx nx g @tweedie/generators:method sampler restart --title="…" --arxiv=2306.14878
 *
 * The generated method is the degenerate case of its kind (Euler, denoising score matching, a distance of means) under the new
 * name: it conforms before the first line of the paper is written, and each of the paper's equations then has its place.
 *
 * @typedef {{ kind: 'objective' | 'sampler' | 'metric', name: string, title: string, arxiv?: string | number, authors?: string, year?: number }} Options
 * @param {import('@nx/devkit').Tree} tree
 * @param {Options} options
 */
async function methodGenerator(tree, { kind, name, title, arxiv: number, authors = 'Author, First', year }) {
  const arxiv = arxivOf(number);
  const folder = `${kind}-${name}`;
  const root = joinPathFragments('packages', folder);
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) {
    throw new Error(`"${name}" is no name for a ${kind}: use lower case letters, digits and hyphens, as in "deis-sn"`);
  }
  if (tree.exists(root)) throw new Error(`${root} exists already; choose another name, or delete it first`);

  const { propertyName } = names(name);
  const values = {
    kind,
    name,
    folder,
    title,
    arxiv,
    authors,
    year: year ?? (arxiv === undefined ? new Date().getFullYear() : 2000 + Number(arxiv.slice(0, 2))),
    packageName: `@tweedie/${folder}`,
    factory: propertyName,
    citationKey: propertyName.toLowerCase() + (arxiv ?? '').slice(0, 4),
    ...versionsOf(tree),
  };
  for (const part of ['package', kind]) generateFiles(tree, join(__dirname, 'files', part), root, values);
  const license = tree.read('LICENSE');
  if (license !== null) tree.write(joinPathFragments(root, 'LICENSE'), license);
  tree.write(`.changeset/first-${folder}.md`, `---\n'@tweedie/${folder}': minor\n---\n\n${title}.\n`);
  await formatFiles(tree);

  return () => {
    console.log(`
packages/${folder} conforms already; what remains is the method:
  npm install && npx nx sync        links the package and writes its references
  npx nx test @tweedie/${folder}    runs the conformance kit
  packages/${folder}/src/${name}.ts     the paper's equations, one file
  packages/${folder}/README.md      equation, symbols, options, differences from the paper
  packages/core/src/plugin/first-party.ts   the name that configurations use (CONTRIBUTING.md)`);
  };
}

/** The command line reads 2302.00670 as a number, and drops its last 0 (a first one too): five digits since 2015, four before. @param {string | number | undefined} arxiv */
function arxivOf(arxiv) {
  if (typeof arxiv !== 'number') return arxiv;
  const digits = arxiv < 1501 ? 4 : 5;
  return arxiv.toFixed(digits).padStart(5 + digits, '0');
}

/** The ranges that the other packages have now. @param {import('@nx/devkit').Tree} tree */
function versionsOf(tree) {
  const sibling = tree.exists('packages/sampler-classic/package.json')
    ? readJson(tree, 'packages/sampler-classic/package.json')
    : { dependencies: {}, peerDependencies: {} };
  return {
    core: sibling.peerDependencies['@tweedie/core'] ?? '>=0.1.0 <1.0.0',
    tfjs: sibling.peerDependencies['@tensorflow/tfjs-core'] ?? '^4.22.0',
    zod: sibling.dependencies.zod ?? '^4.6.7',
    node: sibling.engines?.node ?? '>=20.19.0',
  };
}

module.exports = methodGenerator;
module.exports.default = methodGenerator;
