import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { normalizeCommand } from '../../cli/normalize.ts';

async function run(args: string[], input: string | string[] = '') {
  const output = new PassThrough();
  const error = new PassThrough();
  const written = [text(output), text(error)] as const;
  const code = await normalizeCommand(args, { input: Readable.from(input), output, error });
  output.end();
  error.end();
  return { code, output: await written[0], error: await written[1] };
}

describe('parley normalize', () => {
  it('writes each line normalized, in order', async () => {
    const input = 'element zesentwintig mesiaal\n\ncaries op element drie zeven';
    expect(await run(['--pack', 'nl-dental'], input)).toEqual({
      code: 0,
      output: 'element 26 M\n\ncariës op element 37\n',
      error: '',
    });
  });

  it('writes more lines than the output buffers', async () => {
    const lines = Array.from({ length: 3_000 }, (_, index) => `element zesentwintig, regel ${index}\n`);
    const { output } = await run(['--pack', 'nl-dental'], lines);
    expect(output).toBe(lines.join('').replaceAll('zesentwintig', '26'));
  });

  it('writes the whole result as a line of JSON', async () => {
    const { output } = await run(['--pack', 'nl-dental', '--json'], 'element elf\nkies\n');
    expect(
      output
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      {
        raw: 'element elf',
        text: 'element 11',
        edits: [{ input: { start: 8, end: 11 }, output: { start: 8, end: 10 }, rule: 'tooth' }],
        teeth: [{ tooth: 11, surfaces: '', output: { start: 8, end: 10 } }],
        warnings: [],
      },
      { raw: 'kies', text: 'kies', edits: [], teeth: [], warnings: [] },
    ]);
  });

  it('explains the edits and the warnings', async () => {
    const { output } = await run(['--pack', 'nl-dental', '--explain'], 'element twee negen, caries op tand elf\n');
    expect(output).toBe(
      [
        'element twee negen, cariës op tand 11',
        '  lexicon: "caries" -> "cariës"',
        '  tooth: "elf" -> "11"',
        '  warning invalid-tooth: "twee negen"',
        '',
      ].join('\n'),
    );
  });

  it('shows its help', async () => {
    const { code, output } = await run(['--help']);
    expect(code).toBe(0);
    expect(output).toContain('--pack <name>');
  });

  it.each([
    [['--pack', 'nl-legal'], 'known: nl-dental'],
    [['--pak', 'nl-dental'], "Unknown option '--pak'"],
    [[], '--pack is missing'],
    [['--pack', 'nl-dental', '--json', '--explain'], 'exclude each other'],
    [['--pack', 'nl-dental', 'file.txt'], "Unexpected argument 'file.txt'"],
  ])('refuses %j in one line', async (args, reason) => {
    const { code, output, error } = await run(args, 'element elf\n');
    expect(code).toBe(2);
    expect(output).toBe('');
    expect(error).toContain(reason);
    expect(error).toMatch(/^parley normalize: .*\n$/);
  });
});
