import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parseEncryptionKeys } from '../../core/crypto/encryption-keys.ts';
import { keptSecrets } from '../../scripts/kept-secrets.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parley-secrets-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** The one file in the folder. */
const keptFile = async () => {
  const [name, ...others] = await readdir(folder);
  expect(others).toEqual([]);
  return join(folder, name as string);
};

it('the secrets of a data folder are made once and stay', async () => {
  const secrets = await keptSecrets(folder);
  expect(await keptSecrets(folder)).toEqual(secrets);
  expect(new Set(Object.values(secrets)).size).toBe(3);
  expect(parseEncryptionKeys(secrets.ENCRYPTION_KEY)).toHaveLength(1);
  expect(secrets.JWT_SECRET.length).toBeGreaterThanOrEqual(32);
  expect(secrets.DEVELOPMENT_TOKEN.length).toBeGreaterThanOrEqual(32);
});

it('the secrets of two folders have nothing in common', async () => {
  const other = join(folder, 'other');
  await mkdir(other);
  const [one, two] = [Object.values(await keptSecrets(folder)), Object.values(await keptSecrets(other))];
  expect(one.filter((secret) => two.includes(secret))).toEqual([]);
});

it('the kept secrets are for their owner alone to read', async () => {
  await keptSecrets(folder);
  expect((await stat(await keptFile())).mode & 0o777).toBe(0o600);
});

it.each(['', 'not JSON', '{}', '{"JWT_SECRET":"alone"}'])(
  'a file that is damaged (%s) is refused and left as it is: new secrets would lose the data',
  async (damaged) => {
    await keptSecrets(folder);
    const file = await keptFile();
    await writeFile(file, damaged);
    await expect(keptSecrets(folder)).rejects.toThrow(`${file} is not readable as the secrets of this data folder`);
    expect(await readFile(file, 'utf8')).toBe(damaged);
  },
);

it('what is there and can not be read is no reason to make new secrets', async () => {
  await keptSecrets(folder);
  const file = await keptFile();
  await rm(file);
  await mkdir(file);
  await expect(keptSecrets(folder)).rejects.toMatchObject({ code: 'EISDIR' });
});
