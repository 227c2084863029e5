// @ts-check
/**
 * What the step `webgpu` needs beyond `npm ci`: the packages that `bring` installs, and Vulkan in software, so that it gives the same
 * numbers on every machine.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import process from 'node:process';
import { bring } from './bring.mjs';

/** Where packages put SwiftShader. */
const PLACES = [
  '/usr/lib/chromium/vk_swiftshader_icd.json', // Debian: chromium-common
  '/usr/lib64/chromium-browser/vk_swiftshader_icd.json',
  '/usr/lib/chromium-browser/vk_swiftshader_icd.json',
  '/opt/google/chrome/vk_swiftshader_icd.json',
];
const adapter = PLACES.find((place) => existsSync(place));

/** The environment in which Dawn finds SwiftShader, and the Vulkan loader beside it where the system has none. @type {Record<string, string>} */
export const environment =
  adapter === undefined
    ? {}
    : {
        VK_ICD_FILENAMES: adapter,
        VK_DRIVER_FILES: adapter,
        LD_LIBRARY_PATH: [dirname(adapter), process.env['LD_LIBRARY_PATH']].filter(Boolean).join(':'),
      };

/** Why the step cannot run here, or undefined. @param {string} root @returns {string | undefined} */
export const missing = (root) => {
  if (adapter === undefined) return 'no software adapter: Debian’s package chromium brings one';
  const absent = bring(root);
  if (absent !== undefined) return absent;
  const probe = "import('webgpu').then(({ create }) => create([]).requestAdapter()).then((found) => process.exit(found === null ? 1 : 0))";
  const { status } = spawnSync(process.execPath, ['-e', probe], {
    cwd: root,
    timeout: 60_000,
    stdio: 'ignore',
    env: { ...process.env, ...environment },
  });
  return status === 0 ? undefined : `Dawn finds no adapter through ${adapter}`;
};
