import { createRequire } from 'node:module';

/** Whether a package can be found from here. */
export const installed = (name: string): boolean => {
  try {
    createRequire(import.meta.url).resolve(`${name}/package.json`);
    return true;
  } catch {
    return false;
  }
};
