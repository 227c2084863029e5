import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { build, type Rollup } from 'vite';

export const root = new URL('../../..', import.meta.url).pathname;
export const here = join(root, 'tools/bundle/src');

export interface Bundle {
  readonly code: string;
  readonly modules: readonly string[];
  /** What stays an import at run time: nothing may. */
  readonly imports: readonly string[];
  /** Modules of Node that were asked for, and by whom; vite puts a stub in their place. */
  readonly node: readonly string[];
}

/** An entry bundled for the browser by vite, from the same source that is published. */
export const bundle = async (entry: string): Promise<Bundle> => {
  const node: string[] = [];
  const result = await build({
    root: here,
    configFile: false,
    logLevel: 'silent',
    resolve: { conditions: ['@tweedie/source', 'module', 'browser', 'production'] },
    plugins: [
      {
        name: 'note-node',
        enforce: 'pre',
        resolveId(source, importer) {
          if (isBuiltin(source)) node.push(`${source} in ${importer ?? 'nothing'}`);
          return null;
        },
      },
    ],
    build: { write: false, target: 'es2022', lib: { entry, formats: ['iife'], name: 'page', fileName: 'page' } },
  });
  const outputs = [result].flat().flatMap((each) => (each as Rollup.RollupOutput).output);
  const chunks = outputs.filter((output): output is Rollup.OutputChunk => output.type === 'chunk');
  if (chunks.length !== 1) throw new Error(`${entry} became ${chunks.length} chunks`);
  const { code, moduleIds, imports, dynamicImports } = chunks[0]!;
  return { code, modules: moduleIds, imports: [...imports, ...dynamicImports], node };
};
