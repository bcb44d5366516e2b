import { describe, expect, it } from 'vitest';
import { newId } from '../../core/ids.ts';
import { type NewTurn, newTurnSchema, type Waterfall } from '../../domain/conversation.ts';
import { appendTurn, listTurns } from '../../services/turns.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';

const newTurn = (given: Partial<NewTurn> = {}) =>
  newTurnSchema.parse({ id: newId(), speaker: 'user', text: 'hello', saidAt: '2026-11-20T10:00:00.123Z', ...given });

describeOnBothDatabases('turns', (world) => {
  const newCall = async () => {
    const user = await world().newUser();
    const session = await world().newSession(user);
    return { user, sessionId: session.id, agent: await world().claim(user, session) };
  };

  it('are kept in order with all that was said about them', async () => {
    const { user, sessionId, agent } = await newCall();
    const edit = { input: { start: 0, end: 12 }, output: { start: 0, end: 2 }, rule: 'tooth' };
    const spoken = newTurn({ text: '46', raw: 'zesenveertig', edits: [edit], interrupted: true });
    const latency: Waterfall = {
      transcriptMs: 80,
      endOfTurnMs: 300,
      requestMs: -120,
      firstTokenMs: 260,
      firstSentenceMs: 330,
      firstAudioMs: 420,
      firstFrameMs: null,
      vendors: { stt: 'deepgram', llm: 'anthropic', tts: 'cartesia' },
      tokens: { prompt: 100, cached: 80, completion: 12 },
      costDollars: 0.00125,
    };
    const reply = newTurn({ speaker: 'agent', agent: 'concierge', text: 'noted', latency });
    for (const turn of [spoken, reply]) await appendTurn(world().context(agent), { sessionId, turn });

    const kept = [
      { ...spoken, position: 1 },
      { ...reply, position: 2 },
    ];
    expect(await listTurns(world().context(agent), { sessionId })).toEqual(kept);
    expect(await listTurns(world().context(user), { sessionId })).toEqual(kept);
  });

  it('come a page at a time', async () => {
    const { sessionId, agent } = await newCall();
    for (let count = 0; count < 5; count += 1) {
      await appendTurn(world().context(agent), { sessionId, turn: newTurn() });
    }
    const page = await listTurns(world().context(agent), { sessionId, after: 1, limit: 3 });
    expect(page.map((turn) => turn.position)).toEqual([2, 3, 4]);
  });

  it('are stored once, as they came first', async () => {
    const { sessionId, agent } = await newCall();
    const turn = newTurn();
    const first = await appendTurn(world().context(agent), { sessionId, turn });
    const again = await appendTurn(world().context(agent), { sessionId, turn: { ...turn, text: 'something else' } });
    expect(first).toEqual({ turn: { ...turn, position: 1 }, created: true });
    expect(again).toEqual({ turn: { ...turn, position: 1 }, created: false });
  });

  it('get positions without holes or doubles when they come together, repeated ones too', async () => {
    const { sessionId, agent } = await newCall();
    const different = Array.from({ length: 20 }, () => newTurn());
    const appended = await Promise.all(
      [...different, ...different].map((turn) => appendTurn(world().context(agent), { sessionId, turn })),
    );
    expect(appended.filter((result) => result.created)).toHaveLength(20);
    const kept = await listTurns(world().context(agent), { sessionId });
    expect(kept.map((turn) => turn.position)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    expect(new Set(kept.map((turn) => turn.id))).toEqual(new Set(different.map((turn) => turn.id)));
  });

  it('come right that arrive out of order, and go on behind the last one', async () => {
    const { sessionId, agent } = await newCall();
    for (const position of [3, 1, 2]) {
      await appendTurn(world().context(agent), { sessionId, turn: newTurn({ position, text: `turn ${position}` }) });
    }
    await appendTurn(world().context(agent), { sessionId, turn: newTurn({ text: 'turn 4' }) });
    const kept = await listTurns(world().context(agent), { sessionId });
    expect(kept.map(({ position, text }) => ({ position, text }))).toEqual(
      [1, 2, 3, 4].map((position) => ({ position, text: `turn ${position}` })),
    );
  });

  it('can not take the position of another turn', async () => {
    const { sessionId, agent } = await newCall();
    const [first, second] = [newTurn({ position: 1 }), newTurn({ position: 1 })];
    await appendTurn(world().context(agent), { sessionId, turn: first });
    const refused = appendTurn(world().context(agent), { sessionId, turn: second });
    await expect(refused).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('position 1') });
    expect(await appendTurn(world().context(agent), { sessionId, turn: first })).toMatchObject({ created: false });
  });

  it('can not take the id of a turn in another session', async () => {
    const [one, other] = [await newCall(), await newCall()];
    const turn = newTurn();
    await appendTurn(world().context(one.agent), { sessionId: one.sessionId, turn });
    const refused = appendTurn(world().context(other.agent), { sessionId: other.sessionId, turn });
    await expect(refused).rejects.toMatchObject({ code: 'conflict' });
    expect(await listTurns(world().context(other.agent), { sessionId: other.sessionId })).toEqual([]);
  });

  it.each(['\u0000', '\ud800'])(
    'refuse a character no text may hold, without showing the text (%j)',
    async (character) => {
      const { sessionId, agent } = await newCall();
      const edit = { input: { start: 0, end: 1 }, output: { start: 0, end: 1 }, rule: character };
      const refused = appendTurn(world().context(agent), {
        sessionId,
        turn: newTurn({ text: 'private', edits: [edit] }),
      });
      await expect(refused).rejects.toMatchObject({ code: 'invalid_input', cause: undefined });
      await expect(refused).rejects.not.toThrow('private');
    },
  );

  describe('of a session', () => {
    it('are not found for another user, nor for an agent of another session of the same user', async () => {
      const { user, sessionId, agent } = await newCall();
      await appendTurn(world().context(agent), { sessionId, turn: newTurn() });
      const neighbour = await world().claim(user, await world().newSession(user));
      const stranger = await newCall();
      for (const actor of [neighbour, stranger.user, stranger.agent]) {
        await expect(listTurns(world().context(actor), { sessionId })).rejects.toMatchObject({ code: 'not_found' });
      }
      for (const actor of [neighbour, stranger.agent]) {
        const refused = appendTurn(world().context(actor), { sessionId, turn: newTurn() });
        await expect(refused).rejects.toMatchObject({ code: 'not_found' });
      }
      expect(await listTurns(world().context(user), { sessionId })).toHaveLength(1);
    });

    it('are not found for an agent whose token mixes one user with the session of another', async () => {
      const { sessionId } = await newCall();
      const { tenantId, userId } = await world().newUser();
      const forged = { kind: 'agent', tenantId, userId, sessionId, jobIdentity: 'agent-x' } as const;
      await expect(listTurns(world().context(forged), { sessionId })).rejects.toMatchObject({ code: 'not_found' });
      const refused = appendTurn(world().context(forged), { sessionId, turn: newTurn() });
      await expect(refused).rejects.toMatchObject({ code: 'not_found' });
    });

    it('are written by its agent only: a user can not put words into its mouth', async () => {
      const { user, sessionId } = await newCall();
      const refused = appendTurn(world().context(user), { sessionId, turn: newTurn({ speaker: 'agent' }) });
      await expect(refused).rejects.toMatchObject({ code: 'forbidden' });
    });
  });
});
