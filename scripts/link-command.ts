import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { assetPath } from '../core/assets.ts';

/**
 * Puts `parley` among the commands of this checkout, where `npx parley` and npm scripts look first. npm links the commands of
 * dependencies only; without a link npx installs the project once more into a cache of its own.
 */
const folder = assetPath('node_modules', '.bin');
mkdirSync(folder, { recursive: true });
if (process.platform === 'win32') {
  writeFileSync(join(folder, 'parley.cmd'), '@node "%~dp0\\..\\..\\cli\\parley.js" %*\r\n');
} else {
  rmSync(join(folder, 'parley'), { force: true });
  symlinkSync('../../cli/parley.js', join(folder, 'parley'));
}
