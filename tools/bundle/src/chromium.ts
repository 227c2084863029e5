import { existsSync } from 'node:fs';

/** The browser that the tests use, where there is one. */
export const chromium = [process.env['CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  (path) => path && existsSync(path),
);

/** A browser without a window, of its own profile. */
export const HEADLESS = ['--headless', '--no-sandbox', '--disable-dev-shm-usage'] as const;
