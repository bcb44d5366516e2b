import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { normalizeCommand } from '../../cli/normalize.ts';
import { readPackAsset } from '../../core/assets.ts';

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
        finished: 0,
      },
      { raw: 'kies', text: 'kies', edits: [], teeth: [], warnings: [], finished: 0 },
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

  it('ends quietly when nobody reads its output any more', async () => {
    const output = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
    });
    const input = Readable.from(Array.from({ length: 1_000 }, () => 'element elf\n'));
    expect(await normalizeCommand(['--pack', 'nl-dental'], { input, output, error: new PassThrough() })).toBe(0);
  });

  it('does not hide that the output failed', async () => {
    const output = new Writable({ write: (_chunk, _encoding, done) => done(new Error('disk full')) });
    const io = { input: Readable.from('element elf\n'), output, error: new PassThrough() };
    await expect(normalizeCommand(['--pack', 'nl-dental'], io)).rejects.toThrow('disk full');
  });

  it('says what to do before anything is built', () => {
    expect(() => readPackAsset('no-such-words.bin')).toThrow('run `npm run build`');
  });

  it('applies the second pack', async () => {
    const { output } = await run(['--pack', 'en-general'], 'five milligrams at half past three\n');
    expect(output).toBe('5 mg at 3:30\n');
  });

  it('shows its help', async () => {
    const { code, output } = await run(['--help']);
    expect(code).toBe(0);
    expect(output).toContain('--pack <name>     the pack to apply: nl-dental or en-general\n');
    for (const option of ['--json', '--explain', '--lexicon <file>', '--help']) expect(output).toContain(`  ${option}`);
  });

  it.each([
    [['--pack', 'nl-legal'], 'known: nl-dental, en-general'],
    [['--pack', 'nl-dental', '--lexicon', 'no-such-file.tsv'], "no-such-file.tsv can't be read (ENOENT)"],
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

describe('parley normalize --lexicon', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'parley-lexicon-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function withLexicon(name: string, content: string | Uint8Array, ...more: string[]) {
    await writeFile(join(folder, name), content);
    return run(
      ['--pack', 'nl-dental', '--lexicon', join(folder, name), ...more],
      'karies en zorvenix bij element elf\n',
    );
  }

  it.each([
    ['terms.tsv', 'Caries\tfinding\tkaries\nZorvenyx\tmedication\tzorvenix\n'],
    ['terms.csv', 'canonical,category,variants\r\nCaries,finding,karies|karius\r\nZorvenyx,medication,zorvenix\r\n'],
    ['exported.csv', '\uFEFFcanonical,category,variants\r\n"Caries",finding,karies\r\nZorvenyx,,zorvenix\r\n'],
  ])('lets its terms win over the shipped ones: %s', async (name, content) => {
    expect(await withLexicon(name, content)).toEqual({
      code: 0,
      output: 'Caries en Zorvenyx bij element 11\n',
      error: '',
    });
  });

  it.each([
    ['wrong.tsv', 'Caries\tfinding\tkaries\nZorvenyx medication\n', 'wrong.tsv: lexicon line 2: needs a term'],
    ['wrong.csv', 'canonical,category\nCaries,finding\n=1,finding\n,x\n', 'wrong.csv: lexicon line 3: canonical:'],
    ['header.csv', 'Caries,finding,karies\n', 'header.csv: needs to begin with the header'],
    ['latin1.csv', Uint8Array.of(0x63, 0xeb), 'latin1.csv is no UTF-8 text'],
  ])('names what is wrong in %s', async (name, content, reason) => {
    const { code, output, error } = await withLexicon(name, content);
    expect(code).toBe(2);
    expect(output).toBe('');
    expect(error).toContain(reason);
    expect(error).toMatch(/^parley normalize: --lexicon: .*\n$/);
  });

  it('names every wrong line of a CSV file', async () => {
    const { error } = await withLexicon('lines.csv', 'canonical,category\nCaries,finding\n=1,finding\n@x,finding\n');
    expect(error).toMatch(/line 3: .*line 4: /);
  });
});
