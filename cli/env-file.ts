import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { assetPath } from '../core/assets.ts';
import type { Environment } from '../core/config/environment.ts';

/** An environment with what `.env` adds to it; a variable that is set already wins, an empty one counts as not set. */
export function withEnvFile(env: Environment, file = assetPath('.env')): Environment {
  const added = existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {};
  return { ...added, ...Object.fromEntries(Object.entries(env).filter(([, value]) => value?.trim())) };
}
