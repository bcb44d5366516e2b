import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sql } from 'drizzle-orm';
import type { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { createCache } from '../../services/cache.ts';
import { getContext } from '../../services/contexts.ts';
import { getProfile } from '../../services/profiles.ts';
import { createRedisCacheStore } from '../../services/redis-cache-store.ts';
import { connectedRedis, redisIsInstalled, startRedis } from '../support/redis.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';
import { newWholePerson, type Secrets } from './whole-person.ts';
import type { World } from './world.ts';

const run = promisify(execFile);

const hasPgDump = await run('pg_dump', ['--version']).then(
  () => true,
  () => false,
);
if (!hasPgDump) {
  if (process.env.REQUIRE_ALL === '1') throw new Error('pg_dump is not installed');
  process.stderr.write('skipped: pg_dump of a PostgreSQL database, because it is not installed\n');
}

/** Words of the secrets that stand nowhere else. */
const tellingWords = [
  'wilhelmina',
  'testerink',
  'jubilee',
  'stammer',
  'grandmother',
  'imaginary',
  'doctor',
  'example.test',
];

/** What of the secrets can be read in a dump, as it is or in the encodings that somebody would try first. */
function readableIn(dump: string, secrets: Secrets): string[] {
  const lowerCase = dump.toLowerCase();
  const words = [...tellingWords, ...Object.values(secrets)];
  return words.filter((word) => {
    const forms = [word, JSON.stringify(word).slice(1, -1), Buffer.from(word).toString('hex')].map((form) =>
      form.toLowerCase(),
    );
    const encoded = Buffer.from(word).toString('base64').replace(/=+$/, '');
    return forms.some((form) => lowerCase.includes(form)) || dump.includes(encoded);
  });
}

/** Every row of every table, the queue's included, as text. */
async function rowsAsText({ admin }: World): Promise<string> {
  const named = z.object({ rows: z.array(z.object({ name: z.string() })) });
  const texts = z.object({ rows: z.array(z.object({ text: z.string() })) });
  const { rows: tables } = named.parse(
    await admin.execute(sql`select format('%I.%I', schemaname, tablename) as name from pg_tables
      where schemaname not in ('pg_catalog', 'information_schema')`),
  );
  const dumps = await Promise.all(
    tables.map(({ name }) => admin.execute(sql`select to_jsonb(t)::text as text from ${sql.raw(name)} t`)),
  );
  return dumps.flatMap((dump) => texts.parse(dump).rows.map(({ text }) => text)).join('\n');
}

/** The file that Redis writes, without its compression. */
async function redisAsText(redis: Redis): Promise<string> {
  await redis.config('SET', 'rdbcompression', 'no');
  await redis.save();
  const [, folder = ''] = (await redis.config('GET', 'dir')) as string[];
  const [, file = ''] = (await redis.config('GET', 'dbfilename')) as string[];
  return readFile(join(folder, file), 'latin1');
}

describeOnBothDatabases('a dump of everything that is stored', (world) => {
  it('holds nothing of what is known of a person', async () => {
    const { user, secrets } = await newWholePerson(world());
    const dump = await rowsAsText(world());
    expect(readableIn(dump, secrets)).toEqual([]);
    // It is the person's dump: their rows are in it, their mail is queued, and what is meant to be readable can be read.
    const known = [user.userId, '"theme": "dark"', '"name": "send-mail"', '"subject": "v1.test.'];
    expect(known.filter((text) => !dump.includes(text))).toEqual([]);

    const { server } = world();
    if (!server || !hasPgDump) return;
    const { stdout } = await run('pg_dump', ['--dbname', server.adminUrl], { maxBuffer: 64 * 1024 * 1024 });
    expect(readableIn(stdout, secrets)).toEqual([]);
    expect(stdout.includes(user.userId)).toBe(true);
  });

  it('would give a person away who is not sealed', async () => {
    const { user, secrets } = await newWholePerson(world());
    await world().admin.execute(sql`update profiles set goal = ${secrets.goal} where user_id = ${user.userId}`);
    expect(readableIn(await rowsAsText(world()), secrets)).toEqual(['jubilee', 'stammer', secrets.goal]);
    await world().admin.execute(sql`update profiles set goal = null where user_id = ${user.userId}`);
  });

  it.skipIf(!redisIsInstalled)('does so in Redis, too', async () => {
    const server = await startRedis();
    const redis = await connectedRedis(server.url);
    const cache = createCache(createRedisCacheStore(redis));
    const services = { ...world().services, cache };
    try {
      const { user, secrets } = await newWholePerson(world(), services);
      const context = { ...services, actor: user };
      expect((await getProfile(context)).goal).toBe(secrets.goal);
      expect(JSON.stringify(await getContext(context, {}))).toContain(secrets.name);
      const dump = await redisAsText(redis);
      expect(readableIn(dump, secrets)).toEqual([]);
      expect([user.userId, 'v1.test.'].filter((text) => !dump.includes(text))).toEqual([]);
    } finally {
      await cache.close();
      redis.disconnect();
      await server.stop();
    }
  });
});
