import type { LoadHook } from 'node:module';
import { type PlantedFaultName, plantedFaults, plantVariable, withFault } from './planted-faults.ts';

const name = process.env[plantVariable] as PlantedFaultName | undefined;
const moduleUrl = name && new URL(`../${plantedFaults[name].module}.js`, import.meta.url).href;

/** Node's hook (https://nodejs.org/docs/latest-v20.x/api/module.html#loadurl-context-nextload): one module is read with its fault. */
export const load: LoadHook = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context);
  if (!name || url !== moduleUrl) return loaded;
  return { ...loaded, source: withFault(String(loaded.source), name) };
};
