import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { newId } from '../../core/ids.ts';
import type { Log } from '../../core/log.ts';
import {
  createDatabasePairingBus,
  createLocalPairingBus,
  openSharedPairingBus,
  type PairingBus,
} from '../../services/pairing-bus.ts';
import { withActor } from '../../services/with-actor.ts';
import { connectedRedis, type RedisServer, redisIsInstalled, startRedis } from '../support/redis.ts';
import { openWorld, system, type World } from './world.ts';

/** Collects what a bus hears, and announces through another one until it is heard: a listener may still be on its way. */
function listener(bus: PairingBus) {
  const heard: string[] = [];
  bus.listen((pairingId) => heard.push(pairingId));
  return {
    heard,
    async hears(announce: (pairingId: string) => Promise<void>) {
      const id = newId();
      await expect
        .poll(async () => {
          await announce(id);
          return heard.includes(id);
        })
        .toBe(true);
    },
  };
}

const announcing = (world: World, bus: PairingBus) => (pairingId: string) =>
  withActor(world.context(system), (tx) => bus.announce(tx, pairingId));

const postgresUrl = inject('postgresUrl');

describe.skipIf(!postgresUrl)('the bus of pairings on PostgreSQL', () => {
  let world: World;
  const logged: unknown[] = [];
  const log = { warn: (fields: unknown) => void logged.push(fields) } as Log;
  beforeAll(async () => {
    world = await openWorld(postgresUrl ?? undefined);
  });
  afterAll(() => world.close());
  const openBus = () => {
    const bus = openSharedPairingBus({ databaseUrl: world.server?.serviceUrl ?? '' }, log);
    onTestFinished(() => bus.close());
    return bus;
  };

  it('is heard by every process, also by the one that speaks', async () => {
    const [one, other] = [openBus(), openBus()];
    const ears = [listener(one), listener(other)];
    for (const { hears } of ears) await hears(announcing(world, one));
  });

  it('says nothing of what is rolled back', async () => {
    const bus = openBus();
    const { heard, hears } = listener(bus);
    await hears(announcing(world, bus));
    const undone = withActor(world.context(system), async (tx) => {
      await bus.announce(tx, 'undone');
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    await hears(announcing(world, bus));
    expect(heard).not.toContain('undone');
  });

  it('listens again after its connection was lost, and says so once', async () => {
    const bus = openBus();
    const { hears } = listener(bus);
    await hears(announcing(world, bus));
    logged.length = 0;
    await world.admin.execute(
      sql`select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = 'parley-notifications' and datname = current_database()`,
    );
    await hears(announcing(world, bus));
    expect(logged).toEqual([{ isListening: false }, { isListening: true }]);
  });

  it('closes while it can not connect', async () => {
    const bus = createDatabasePairingBus('postgres://nobody@127.0.0.1:1/none', log);
    logged.length = 0;
    bus.listen(() => undefined);
    await expect.poll(() => logged).toEqual([{ isListening: false }]);
    await bus.close();
  });
});

describe('the bus of pairings in one process', () => {
  it('is heard until it is closed', async () => {
    const world = await openWorld();
    onTestFinished(() => world.close());
    const bus = createLocalPairingBus();
    const { heard, hears } = listener(bus);
    await hears(announcing(world, bus));
    await bus.close();
    await announcing(world, bus)('closed');
    expect(heard).not.toContain('closed');
  });
});

describe.skipIf(!redisIsInstalled)('the bus of pairings on Redis', () => {
  let world: World;
  let server: RedisServer;
  beforeAll(async () => {
    [world, server] = await Promise.all([openWorld(), startRedis()]);
  });
  afterAll(async () => {
    await server.stop();
    await world.close();
  });
  const openBus = async () => {
    const redis = await connectedRedis(server.url);
    const bus = openSharedPairingBus({ redis, redisUrl: server.url, databaseUrl: 'unused' }, world.services.log);
    onTestFinished(async () => {
      await bus.close();
      redis.disconnect();
    });
    return bus;
  };

  it('is heard by every process, after the commit', async () => {
    const [one, other] = [await openBus(), await openBus()];
    const { heard, hears } = listener(other);
    await hears(announcing(world, one));
    const undone = withActor(world.context(system), async (tx) => {
      await one.announce(tx, 'undone');
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    await hears(announcing(world, one));
    expect(heard).not.toContain('undone');
  });

  it('costs no write while Redis is away, and is heard again when it is back', async () => {
    const bus = await openBus();
    const { hears } = listener(bus);
    await hears(announcing(world, bus));
    await server.kill();
    await announcing(world, bus)(newId());
    await server.restart();
    await hears(announcing(world, bus));
  });
});
