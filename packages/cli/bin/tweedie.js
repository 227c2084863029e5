#!/usr/bin/env node
// A file that is there before anything is built, so that npm links the command when it installs the workspace.
import { existsSync } from 'node:fs';
import module from 'node:module';
import process from 'node:process';

module.enableCompileCache?.(); // from Node 22 on: what was compiled once is not compiled again
const main = new URL('../dist/main.js', import.meta.url);
if (existsSync(main)) await import(main.href);
else {
  process.stderr.write('[tweedie] the command is not built yet; run npm run build\n');
  process.exitCode = 1;
}
