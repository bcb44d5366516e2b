import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { cacheFolder, findOnPath, runLong } from '../../scripts/livekit-programs.ts';

/** Debian's Dutch manual pages (https://packages.debian.org/stable/manpages-nl, GPL-3+): read here, never kept with the project. */
const packageName = 'manpages-nl';

/**
 * Dutch sentences that people wrote for other people, from a package that is downloaded once, into the user's cache folder.
 * Where that can't be had, says why, and fails if everything is required; else there are none.
 */
export async function debianSentences(): Promise<string[]> {
  try {
    const folder = await unpackedPackage();
    const files = await readdir(folder, { recursive: true });
    const pages = files.filter((file) => file.endsWith('.gz')).map((file) => readFile(join(folder, file)));
    return [...new Set((await Promise.all(pages)).flatMap((page) => sentencesOf(gunzipSync(page).toString('utf8'))))];
  } catch (error) {
    if (process.env.REQUIRE_ALL === '1') throw error;
    process.stderr.write(
      `SKIPPED: Debian's Dutch sentences, because ${error instanceof Error ? error.message : error}\n`,
    );
    return [];
  }
}

async function unpackedPackage(): Promise<string> {
  const cache = cacheFolder(process.env);
  const folder = join(cache, packageName);
  if (existsSync(folder)) return folder;
  if (!(await findOnPath('apt-get', process.env))) throw new Error('there is no apt-get here');
  await mkdir(cache, { recursive: true });
  const temporary = await mkdtemp(join(cache, `${packageName}-`));
  try {
    const lists = join(temporary, 'lists');
    await mkdir(join(lists, 'partial'), { recursive: true });
    const run = (name: string, program: string, args: string[]) =>
      runLong(
        // apt-get downloads into the folder it is started in.
        {
          name,
          command: 'sh',
          args: ['-c', 'cd "$0" && exec "$@"', temporary, program, ...args],
          env: process.env,
          timeoutMs: 120_000,
        },
        () => undefined,
      );
    const download = (options: string[]) =>
      run(`downloading ${packageName}`, 'apt-get', ['--quiet', ...options, 'download', packageName]);
    await download([]).catch(async () => {
      // A fresh system knows no packages yet; only root may change that, so the lists are ours.
      const own = ['-o', `Dir::State::Lists=${lists}`, '-o', `Dir::Cache=${temporary}`];
      await run('reading the lists of packages', 'apt-get', ['--quiet', ...own, 'update']);
      await download(own);
    });
    const archive = (await readdir(temporary)).find((file) => file.endsWith('.deb')) ?? '';
    await run(`unpacking ${packageName}`, 'dpkg-deb', ['--extract', archive, 'unpacked']);
    // Another run may have been quicker.
    await rename(join(temporary, 'unpacked'), folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
    return folder;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

const functionWords = /(?<!\p{L})(?:de|het|een|van|voor|niet|wordt|worden|zijn|deze|met|op|als|bij|naar)(?!\p{L})/giu;

/** The sentences of a manual page (https://man7.org/linux/man-pages/man7/groff_man.7.html) that are prose and Dutch. */
function sentencesOf(page: string): string[] {
  const text = page
    .replaceAll(/^[.'].*$/gm, '\n')
    .replaceAll(/\\f(?:\(..|\[[^\]]*\]|.)|\\[,/&]/g, '')
    .replaceAll('\\-', '-')
    .replaceAll(/\\\(..|\\\[[^\]]*\]/g, ' ');
  return text
    .split(/\n\s*\n/)
    .flatMap((paragraph) => paragraph.replaceAll(/\s+/g, ' ').split(/(?<=[.!?])\s+(?=\p{Lu})/u))
    .map((sentence) => sentence.trim())
    .filter((sentence) => /^\p{Lu}.*[.!?]$/u.test(sentence) && !/[\\<>@|]/.test(sentence))
    .filter((sentence) => sentence.split(' ').length > 4 && (sentence.match(functionWords)?.length ?? 0) > 1);
}
