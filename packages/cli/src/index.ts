export { defineConfig, experimentConfig, type ExperimentConfig, type ExperimentInput } from './config/experiment.ts';
export { loadConfig, type LoadOptions } from './config/load.ts';
export { composeExperiment, CONFIG, levelsOf, PLUGINS, RATE, type ComposeOptions } from './experiment/compose.ts';
export { trainRun, type TrainEvent, type TrainRunOptions, type TrainRunResult } from './run/train-run.ts';
export { sampleRun, type SampleRunEvent, type SampleRunOptions, type SampleRunResult } from './run/sample-run.ts';
export { readLog, type LogLine } from './run/log.ts';
export { readRecord, runRecord, type RunRecord } from './run/run-folder.ts';
export { evaluateRun, type EvaluateRunOptions, type EvaluateRunResult } from './run/evaluate-run.ts';
export type { Samples } from './judge/batches.ts';
export {
  EXTRACTOR_NAMES,
  extractorFor,
  extractorSource,
  openExtractor,
  type ExtractorName,
  type ExtractorSource,
} from './judge/extractors.ts';
export { main } from './program.ts';
export type { Io } from './io.ts';
export { errorOutput, outputs, type Output } from './outputs.ts';
export {
  encodeGif,
  encodePng,
  imageGrid,
  toBytes,
  type Colour,
  type GifOptions,
  type GridOptions,
  type Picture,
} from './pictures/index.ts';
export {
  describeMachine,
  formatNumber,
  formatSeconds,
  lineChart,
  renderReport,
  scatterChart,
  trajectories,
  vectorField,
  writeReport,
  type Cloud,
  type Figure,
  type Frame,
  type Heat,
  type Line,
  type LineChartOptions,
  type LossPoint,
  type Machine,
  type Points,
  type Report,
  type ReportRecord,
  type Role,
  type Score,
  type Section,
  type Table,
  type TrajectoriesOptions,
  type VectorFieldOptions,
} from './report/index.ts';
export { prepareJudging, type Judgement, type Judging } from './compare/judging.ts';
export { startProgress, type Progress } from './progress.ts';
export { table } from './io.ts';
export { alternating, pairedRatio, verdictOf, type Contestant, type Ratio, type Verdict } from './bench/alternating.ts';
export { medianOf } from './bench/median.ts';
export { openDrawing, type DrawJob, type Drawing } from './run/drawing.ts';
export { bindRun, openRun } from './run/open-run.ts';
export { drawImages } from './run/over-images.ts';
export { openPool, type Pool } from './workers/pool.ts';
export { shardsOf } from './workers/shards.ts';
