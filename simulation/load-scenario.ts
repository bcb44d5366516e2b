import { readFile } from 'node:fs/promises';
import { parseDocument } from 'yaml';
import { type Scenario, scenarioSchema } from './scenario.ts';

/** What is wrong with a file of a scenario: one line for each fault, with the file and the field. */
export class ScenarioError extends Error {
  constructor(file: string, faults: readonly string[]) {
    super(faults.map((fault) => `${file}: ${fault}`).join('\n'));
    this.name = new.target.name;
  }
}

/** Reads a scenario from a YAML file. @throws ScenarioError naming every fault */
export async function loadScenario(file: string): Promise<Scenario> {
  return parseScenario(file, await readFile(file, 'utf8'));
}

/** Reads a scenario from YAML; `file` is for messages. @throws ScenarioError naming every fault */
export function parseScenario(file: string, yaml: string): Scenario {
  const document = parseDocument(yaml, { prettyErrors: true });
  if (document.errors.length) {
    throw new ScenarioError(
      file,
      document.errors.map(({ message }) => `is no YAML: ${message.split('\n', 1)[0]}`),
    );
  }
  const result = scenarioSchema.safeParse(document.toJS() ?? {});
  if (result.success) return result.data;
  throw new ScenarioError(
    file,
    result.error.issues.map((issue) => `${issue.path.join('.') || 'the whole file'}: ${fixOf(issue)}`),
  );
}

/** A message that says what to do. */
function fixOf(issue: { code: string; message: string; keys?: unknown }): string {
  if (issue.code === 'unrecognized_keys') return `has no field ${String(issue.keys)}: remove it, or mend its spelling`;
  if (/received undefined/.test(issue.message)) return 'is missing: add it';
  return issue.message;
}
