import { expect, it } from 'vitest';
import { lifetimes } from '../../core/limits.ts';
import type { UserActor } from '../../domain/actor.ts';
import { wrongTriesAllowed } from '../../domain/pairing.ts';
import { claimPairing } from '../../services/pairing-claims.ts';
import { newPairingCode } from '../../services/pairing-codes.ts';
import { readPairingEvents } from '../../services/pairing-events.ts';
import { enterPairing, issuePairingToken, leavePairing } from '../../services/pairing-presence.ts';
import { createPairing, endPairing, getPairing, renewPairingCode } from '../../services/pairings.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';

describeOnBothDatabases('the codes of pairings', (world) => {
  const pair = (user: UserActor) => createPairing(world().context(user), {});
  const claim = (user: UserActor, code: string, id?: string) => claimPairing(world().context(user), { code, id });
  const eventsOf = async (user: UserActor, pairingId: string) =>
    (await readPairingEvents(world().context(user), { pairingId, after: 0 })).events.map(({ event }) => event);

  it('are claimed once, by one of twenty at once', async () => {
    const user = await world().newUser();
    const { pairing, code } = await pair(user);
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => claim(user, code)));
    const refusals = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
    expect(refusals).toHaveLength(19);
    for (const refusal of refusals) expect(refusal).toMatchObject({ code: 'conflict', message: /has been used/ });
    expect(await eventsOf(user, pairing.id)).toEqual([{ type: 'paired', phoneEpoch: 1 }]);
    expect(await getPairing(world().context(user), { pairingId: pairing.id })).toMatchObject({
      codeState: 'claimed',
      phoneEpoch: 1,
    });
  });

  it('lock their code at the fifth wrong one, guessed one by one or all at once', async () => {
    for (const atOnce of [false, true]) {
      const user = await world().newUser();
      const { pairing, code } = await pair(user);
      const guess = () => claim(user, newPairingCode());
      if (atOnce) await Promise.allSettled(Array.from({ length: 20 }, guess));
      else for (let tries = 0; tries < wrongTriesAllowed; tries += 1) await guess().catch(() => undefined);
      await expect(guess()).rejects.toMatchObject({ code: 'not_found' });
      await expect(claim(user, code)).rejects.toMatchObject({ code: 'conflict', message: /is locked/ });
      expect(await eventsOf(user, pairing.id)).toEqual([{ type: 'code-locked' }]);
      const renewed = await renewPairingCode(world().context(user), { pairingId: pairing.id });
      expect((await claim(user, renewed.code)).codeState).toBe('claimed');
    }
  });

  it('count a wrong code against the one that is named alone', async () => {
    const user = await world().newUser();
    const [one, other] = [await pair(user), await pair(user)];
    for (let tries = 0; tries < wrongTriesAllowed; tries += 1) {
      await expect(claim(user, other.code, one.pairing.id)).rejects.toMatchObject({ code: 'not_found' });
    }
    await expect(claim(user, one.code)).rejects.toMatchObject({ message: /is locked/ });
    expect((await claim(user, other.code, other.pairing.id)).id).toBe(other.pairing.id);
  });

  it('are worth nothing to somebody else who has seen the code, and not to be locked by them', async () => {
    const [owner, thief] = [await world().newUser(), await world().newUser()];
    const elsewhere = await world().newUser(await world().newTenant());
    const { pairing, code } = await pair(owner);
    for (const user of [thief, elsewhere]) {
      for (let tries = 0; tries < 2 * wrongTriesAllowed; tries += 1) {
        await expect(claim(user, code)).rejects.toMatchObject({ code: 'not_found' });
        await expect(claim(user, newPairingCode(), pairing.id)).rejects.toMatchObject({ code: 'not_found' });
      }
      const context = world().context(user);
      const place = { pairingId: pairing.id, end: 'computer' } as const;
      for (const verb of [getPairing, renewPairingCode, endPairing]) {
        await expect(verb(context, place)).rejects.toMatchObject({ code: 'not_found' });
      }
      await expect(enterPairing(context, place)).rejects.toMatchObject({ code: 'not_found' });
      await expect(issuePairingToken(context, place)).rejects.toMatchObject({ code: 'not_found' });
      await leavePairing(context, place);
      expect(await eventsOf(user, pairing.id)).toEqual([]);
    }
    expect((await claim(owner, code)).codeState).toBe('claimed');
  });

  it('open to a code for five minutes, and to a new one after that', async () => {
    const user = await world().newUser();
    const first = await pair(user);
    const { id } = await claim(user, first.code);
    const context = world().context(user);
    const { code } = await renewPairingCode(context, { pairingId: id });
    world().clock.advance(lifetimes.pairingCodeMs - 1);
    expect((await getPairing(context, { pairingId: id })).codeState).toBe('open');
    world().clock.advance(1);
    expect((await getPairing(context, { pairingId: id })).codeState).toBe('expired');
    await expect(claim(user, code)).rejects.toMatchObject({ code: 'conflict', message: /has expired/ });
    const { code: newer } = await renewPairingCode(context, { pairingId: id });
    await expect(claim(user, code)).rejects.toMatchObject({ code: 'not_found' });
    expect((await claim(user, newer)).phoneEpoch).toBe(2);
  });
});
