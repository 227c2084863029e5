import { Command } from 'commander';
import type { Context, Exit } from '../io.ts';
import { EXIT_CODES, examples } from './help.ts';

export interface ExportFlags {
  readonly extractor?: string;
  readonly backend?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export const exportCommand = (context: Context, exit: (code: Exit) => void): Command =>
  new Command('export')
    .description('Write the denoiser of a run, preconditioning included, as ONNX: any batch, the noise level is an input.')
    .argument('<RUN>', 'RUN folder, or a weights.safetensors')
    .argument('<FILE>', 'where to write it (.onnx)')
    .option('--extractor <FILE>', 'write the extractor that digits or points are judged by as well (.onnx)')
    .option('--backend <NAME>', 'engine on which the network is recorded: tfjs-node-gpu, tfjs-node, webgpu, wasm, cpu')
    .option('--dry-run', 'say what would be done, and do nothing')
    .option('--json', 'print one JSON object (tweedie/export@1)')
    .addHelpText(
      'after',
      `
Inputs: y = x/α [batch, …shape], channels last; sigma = σ/α, float64, [1] or [batch]; label [batch, classes], one-hot, a zero row for none.
Output: x0 = E[x₀ | y].
${examples(['tweedie export runs/digits digits.onnx', 'tweedie export runs/digits digits.onnx --extractor mnistnet.onnx --json'])}${EXIT_CODES}`,
    )
    .action(async (run: string, file: string, flags: ExportFlags) => {
      const { runExport } = await import('./export-action.ts');
      exit(await runExport(context, { run, file, flags }));
    });
