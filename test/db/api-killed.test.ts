import getPort from 'get-port';
import { describe, expect, inject, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { createAccessTokens } from '../../core/crypto/access-tokens.ts';
import type { UserActor } from '../../domain/actor.ts';
import { getOnboarding } from '../../services/onboarding.ts';
import { getProfile } from '../../services/profiles.ts';
import { encryptionVariables, killProgram, liveKitVariables, runFile } from '../support/jobs-program.ts';
import type { TestDatabase } from '../support/postgres.ts';
import { jwtSecret, openWorld, type World } from './world.ts';

const postgresUrl = inject('postgresUrl');
const saves = 1_000;
const atOnce = 16;
/** The API is killed once so many saves have been acknowledged; a few hundred are under way or still to come then. */
const killedAfter = 400;

describe.skipIf(!postgresUrl)('an API that is killed while it saves', () => {
  it('keeps each save that it has acknowledged, and no half one', { timeout: 180_000 }, async () => {
    const world = await openWorld(postgresUrl ?? undefined);
    try {
      const people = await newPeople(world);
      const { url, kill } = await startApi(world.server as TestDatabase);
      const acknowledged = await saveUntilKilled(url, people, kill);
      expect(acknowledged.size).toBeGreaterThanOrEqual(killedAfter);
      expect(acknowledged.size).toBeLessThan(saves);
      const kept = await keptSaves(world, people);
      expect([...acknowledged].filter((index) => !kept.has(index))).toEqual([]);
      // Some may have been committed without their answer having arrived, but none that was never sent.
      expect(kept.size - acknowledged.size).toBeLessThanOrEqual(atOnce);
    } finally {
      await world.close();
    }
  });
});

/** A thousand at once would wait for a connection longer than the pool lets anyone, on a machine that is busy. */
async function newPeople(world: World): Promise<UserActor[]> {
  const people: UserActor[] = [];
  while (people.length < saves) {
    people.push(
      ...(await Promise.all(Array.from({ length: Math.min(atOnce, saves - people.length) }, () => world.newUser()))),
    );
  }
  return people;
}

async function startApi({ url, serviceUrl }: TestDatabase): Promise<{ url: string; kill(): Promise<void> }> {
  const port = await getPort({ host: '127.0.0.1' });
  const program = runFile('api/server.ts', {
    ...liveKitVariables,
    ...encryptionVariables,
    DATABASE_URL: url,
    DATABASE_SERVICE_URL: serviceUrl,
    JWT_SECRET: jwtSecret,
    API_HOST: '127.0.0.1',
    API_PORT: String(port),
  });
  await expect.poll(() => program.lines.join('\n'), { timeout: 30_000 }).toContain('the API listens');
  return { url: `http://127.0.0.1:${port}/api/v1`, kill: () => killProgram(program) };
}

/** Saves the goal of one person after another, several at once. @returns the indexes of those whose save was acknowledged. */
async function saveUntilKilled(
  url: string,
  people: readonly UserActor[],
  kill: () => Promise<void>,
): Promise<Set<number>> {
  const tokens = createAccessTokens(jwtSecret, 'HS256', systemClock);
  const acknowledged = new Set<number>();
  let killing: Promise<void> | undefined;
  let next = 0;
  const saver = async () => {
    while (next < people.length && !killing) {
      const index = next++;
      const { token } = await tokens.sign(people[index] as UserActor);
      const answer = await fetch(`${url}/onboarding/steps/goal`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ answer: goalOf(index) }),
      }).catch(() => null);
      if (answer?.status === 200) acknowledged.add(index);
      if (acknowledged.size >= killedAfter) killing ??= kill();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, saver));
  await killing;
  return acknowledged;
}

/** The indexes of those whose goal is stored. @throws when one is stored in the onboarding or the profile alone. */
async function keptSaves(world: World, people: readonly UserActor[]): Promise<Set<number>> {
  const kept = new Set<number>();
  for (const [index, person] of people.entries()) {
    const context = world.context(person);
    const { answers, version } = await getOnboarding(context);
    const profile = await getProfile(context);
    const isKept = version > 1;
    expect([answers.goal, profile.goal, profile.version]).toEqual(
      isKept ? [goalOf(index), goalOf(index), 2] : [undefined, null, 1],
    );
    if (isKept) kept.add(index);
  }
  return kept;
}

function goalOf(index: number): string {
  return `to be understood ${index}`;
}
