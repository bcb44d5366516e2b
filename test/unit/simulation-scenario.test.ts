import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { assetPath } from '../../core/assets.ts';
import { parseScenario } from '../../simulation/load-scenario.ts';
import { type PlantedFaultName, plantedFaultNames, plantedFaults, withFault } from '../../simulation/planted-faults.ts';

const least = `
name: least
description: The least there can be.
plant: { fault: wrong-greeting, breaks: phrases }
script: [{ type: hello }]
modality: text
expect: { phrases: [hello] }
`;

const faultsOf = (yaml: string): string => {
  try {
    parseScenario('call.yaml', yaml);
    return '';
  } catch (error) {
    return String(error);
  }
};

describe('a scenario', () => {
  test('has every default filled in', () => {
    expect(parseScenario('call.yaml', least)).toMatchObject({
      agent: 'concierge',
      caller: 'script',
      script: [{ type: 'hello', answer: true }],
      timeout_ms: 90_000,
    });
  });

  test.each([
    [
      'a field that is misspelt',
      `${least}languag: nl\n`,
      /call\.yaml: the whole file: has no field languag: remove it/,
    ],
    ['a field that is missing', least.replace(/name: .*\n/, ''), /call\.yaml: name: is missing: add it/],
    [
      'a step with two actions',
      least.replace('type: hello', 'type: hello, hang_up: true'),
      /script\.0: needs exactly one/,
    ],
    [
      'a step that speaks in a text call',
      least.replace('type:', 'say:'),
      /script\.0\.say: is spoken: set modality: voice/,
    ],
    ['a regular expression that is none', least.replace('[hello]', '["/(/"]'), /expect\.phrases\.0: Invalid regular/],
    ['a check of sound in a text call', least.replace('phrases:', 'max_silence_ms: 9, phrases:'), /is about sound/],
    ['a drop that is no share', `${least}network: { drop: 5 }\n`, /network\.drop/],
    ['no check at all', least.replace('{ phrases: [hello] }', '{}'), /expect: needs a check that follows a rule/],
    [
      'a judge alone',
      `${least.replace('{ phrases: [hello] }', '{}')}judge: { rubric: x, min: 3 }\n`,
      /never the only one/,
    ],
    ['a fault that is not planted anywhere', least.replace('wrong-greeting', 'gremlins'), /plant\.fault/],
    ['what is no YAML', 'name: [', /is no YAML/],
  ])('is refused for %s, with its place and what to do', (_what, yaml, message) => {
    expect(faultsOf(yaml)).toMatch(message);
  });

  test('reads a share of packets as a number', () => {
    expect(parseScenario('call.yaml', `${least}network: { drop: 2.5% }\n`).network).toEqual({ drop: 0.025, seed: 1 });
  });
});

test('the scenario of the guide is one', () => {
  const guide = readFileSync(assetPath('docs', 'simulation.md'), 'utf8');
  const [, yaml = ''] = /```yaml\n(.+?)```/s.exec(guide) ?? [];
  expect(parseScenario('simulation.md', yaml).name).toBe('first-name');
});

const files = readdirSync(assetPath('scenarios'));

test.each(files)('%s is a scenario of that name whose planted fault breaks a check it makes', (file) => {
  const scenario = parseScenario(file, readFileSync(assetPath('scenarios', file), 'utf8'));
  expect(`${scenario.name}.yaml`).toBe(file);
  expect([...Object.keys(scenario.expect), 'answers', 'script']).toContain(scenario.plant.breaks);
});

describe('a planted fault', () => {
  test.each(plantedFaultNames)('%s changes the compiled module it names', (name) => {
    const source = readFileSync(assetPath('dist', `${plantedFaults[name].module}.js`), 'utf8');
    const [from, to] = plantedFaults[name].change;
    expect(withFault(source, name)).toBe(source.replace(from, () => to));
  });

  test('says so when the text it changes is not there, or there twice', () => {
    const name: PlantedFaultName = 'wrong-greeting';
    const [from] = plantedFaults[name].change;
    expect(() => withFault('other words', name)).toThrow(/has its text 0 times/);
    expect(() => withFault(`${from} ${from}`, name)).toThrow(/has its text 2 times/);
  });
});
