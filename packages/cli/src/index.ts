export { defineConfig, experimentConfig, type ExperimentConfig, type ExperimentInput } from './config/experiment.ts';
export { loadConfig, type LoadOptions } from './config/load.ts';
export { composeExperiment, CONFIG, levelsOf, PLUGINS, RATE, type ComposeOptions } from './experiment/compose.ts';
export { trainRun, type TrainEvent, type TrainRunOptions, type TrainRunResult } from './run/train-run.ts';
export { sampleRun, type SampleRunEvent, type SampleRunOptions, type SampleRunResult } from './run/sample-run.ts';
export { readLog, type LogLine } from './run/log.ts';
export { readRecord, runRecord, type RunRecord } from './run/run-folder.ts';
