export { ENGINES, type EngineId } from './candidates.ts';
export { diagnose, selectEngine, type EngineChoice, type EngineReport, type Finding } from './select.ts';
