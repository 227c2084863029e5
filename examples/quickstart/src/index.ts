export { config } from './config.ts';
export { quickstart, type QuickstartOptions, type QuickstartResult } from './quickstart.ts';
