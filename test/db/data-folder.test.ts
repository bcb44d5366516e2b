import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../core/ids.ts';
import { openEmbeddedDatabase } from '../../db/client.ts';
import { prepareDataFolder } from '../../db/data-folder.ts';
import { allTenants } from '../../db/policies.ts';
import { users } from '../../db/schema/users.ts';
import { defaultTenant } from '../../domain/tenant.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parley-data-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const everything = { role: 'service', tenantId: allTenants } as const;

describe('a data folder', () => {
  it('keeps its rows from one opening to the next, and gives its lock back', async () => {
    const dataDir = join(folder, 'nested', 'kept');
    const id = newId();
    const first = await openEmbeddedDatabase({ dataDir });
    await first.transaction(everything, (tx) =>
      tx.insert(users).values({ id, tenantId: defaultTenant.id, createdAt: new Date() }),
    );
    await first.close();
    expect(existsSync(`${dataDir}.lock`)).toBe(false);

    const second = await openEmbeddedDatabase({ dataDir });
    const rows = await second.transaction(everything, (tx) => tx.select().from(users));
    await second.close();
    expect(rows.map((row) => row.id)).toEqual([id]);
  });

  it('is refused while another process has it, and taken over from one that was killed', async () => {
    const [held, orphaned] = [join(folder, 'held'), join(folder, 'orphaned')];
    const holder = await lockInAnotherProcess(held);
    await (await lockInAnotherProcess(orphaned)).kill();
    const waits: string[] = [];
    const onWait = (message: string) => waits.push(message);

    const [refused, takenOver] = await Promise.allSettled([
      openEmbeddedDatabase({ dataDir: held, onWait }),
      // Opening a database keeps this process busy for seconds, in which the living lock would seem to be dead.
      prepareDataFolder(orphaned, onWait),
    ]);
    await holder.kill();

    expect(refused).toMatchObject({
      status: 'rejected',
      reason: { code: 'conflict', message: `The data folder ${held} is in use by another process` },
    });
    expect(waits.toSorted()).toEqual(
      [held, orphaned].map((dir) => `The data folder ${dir} is locked: waiting up to 12 s for its process to end`),
    );
    if (takenOver.status === 'rejected') throw takenOver.reason;
    await takenOver.value();
    const opened = await openEmbeddedDatabase({ dataDir: orphaned });
    await opened.ping();
    await opened.close();
  });

  it('that is a file is refused by its name', async () => {
    const dataDir = join(folder, 'file');
    await writeFile(dataDir, '');
    await expect(openEmbeddedDatabase({ dataDir })).rejects.toThrow(`data folder ${dataDir}: is a file: name a folder`);
  });

  it('below a file is refused by its name', async () => {
    const dataDir = join(folder, 'file-above', 'data');
    await writeFile(join(folder, 'file-above'), '');
    await expect(openEmbeddedDatabase({ dataDir })).rejects.toThrow(
      `data folder ${dataDir}: can't be made or written (ENOTDIR)`,
    );
  });

  it('with something else in it is refused by its name, and unlocked', async () => {
    const dataDir = join(folder, 'broken');
    await mkdir(dataDir);
    await writeFile(join(dataDir, 'PG_VERSION'), '9.4\n');
    await expect(openEmbeddedDatabase({ dataDir })).rejects.toThrow(
      `The data folder ${dataDir} doesn't open as a database`,
    );
    expect(existsSync(`${dataDir}.lock`)).toBe(false);
  });
});

/** A process that holds the folder's lock, as a killed one leaves it and as a live one renews it. */
async function lockInAnotherProcess(dataDir: string): Promise<{ kill(): Promise<void> }> {
  await mkdir(dataDir);
  const program = `
    require('proper-lockfile').lock(${JSON.stringify(dataDir)}).then(() => console.log('locked'));
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return {
    async kill() {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}
