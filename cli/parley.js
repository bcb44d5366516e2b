#!/usr/bin/env node
// Plain JavaScript: npm links it before anything is built.
import { existsSync } from 'node:fs';

const compiled = new URL('../dist/cli/main.js', import.meta.url);
if (existsSync(compiled)) {
  process.setSourceMapsEnabled(true);
  const { main } = await import(compiled.href);
  process.exitCode = await main(process.argv.slice(2), process);
} else {
  process.stderr.write('parley is not built yet: run `npm run build` in its folder.\n');
  process.exitCode = 1;
}
