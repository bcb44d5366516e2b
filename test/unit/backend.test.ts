import { describe, expect, test, vi } from 'vitest';
import { lifetimes } from '../../core/limits.ts';
import { backendFixture, routes } from '../support/backend-fixture.ts';

describe('the backend of a job', () => {
  const { backend, requests, connections, answerNext, seen, lease, turn } = backendFixture();

  test('claims with the join token and uses the session token from then on, the newest one', async () => {
    expect(await backend().claim('join-token', lease())).toMatchObject({ participantIdentity: 'user-a' });
    await backend().profile();
    await vi.advanceTimersByTimeAsync(lifetimes.heartbeatMs);
    await expect.poll(() => seen(routes.heartbeat)).toHaveLength(1);
    await expect
      .poll(async () => {
        await backend().profile();
        return requests.at(-1)?.token;
      })
      .toBe('session-token-2');
    expect(requests[0]).toMatchObject({ token: 'join-token' });
    expect(requests[1]).toMatchObject({ token: 'session-token-1' });
  });

  test('is connected until it has given its lease back, again when the connection breaks', async () => {
    await backend().claim('join-token', lease());
    await expect.poll(() => connections).toHaveLength(1);
    connections[0]?.response.end();
    await expect.poll(() => connections).toHaveLength(2);
    connections[1]?.response.destroy();
    await expect.poll(() => connections.map(({ token }) => token)).toEqual(Array(3).fill('session-token-1'));
    let wasOpen: boolean | undefined;
    connections[2]?.response.once('close', () => {
      wasOpen = seen(routes.lease).length === 0;
    });
    await backend().close('person-left');
    await expect.poll(() => wasOpen).toBe(false);
  });

  test('asks again when the API is away, busy or hangs up', async () => {
    await backend().claim('join-token', lease());
    answerNext(routes.profile, ['hang-up', { status: 503 }, { status: 429 }]);
    expect(await backend().profile()).toEqual({ preferredName: null });
    expect(seen(routes.profile)).toHaveLength(4);
  });

  test('asks once when the answer is final, and throws what the API found wrong', async () => {
    answerNext(routes.claim, [{ status: 409, body: { code: 'conflict', detail: 'Another job serves this session' } }]);
    await expect(backend().claim('join-token', lease())).rejects.toMatchObject({
      code: 'conflict',
      message: 'Another job serves this session',
    });
    expect(requests).toHaveLength(1);
    answerNext(routes.claim, [{ status: 500, body: 'not a problem document' }]);
    await expect(backend().claim('join-token', lease())).rejects.toMatchObject({ code: 'internal' });
    expect(requests).toHaveLength(2);
  });

  test('gives up on what a caller waits for after three seconds', async () => {
    await backend().claim('join-token', lease());
    answerNext(routes.profile, Array(100).fill({ status: 503 }));
    const startedAt = performance.now();
    await expect(backend().profile()).rejects.toMatchObject({ code: 'internal' });
    expect(performance.now() - startedAt).toBeLessThan(6_000);
    expect(seen(routes.profile).length).toBeGreaterThan(2);
  }, 15_000);

  test('tells once that the session is lost, and sends no heartbeat any more', async () => {
    const onLost = vi.fn();
    await backend().claim('join-token', lease({ onLost }));
    answerNext(routes.heartbeat, [
      { status: 409, body: { code: 'conflict', detail: 'The session belongs to another job' } },
    ]);
    await vi.advanceTimersByTimeAsync(lifetimes.heartbeatMs);
    await expect.poll(() => onLost.mock.calls).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(lifetimes.heartbeatMs * 3);
    await backend().profile();
    expect(seen(routes.heartbeat)).toHaveLength(1);
    expect(onLost).toHaveBeenCalledTimes(1);
  });

  test('keeps the session through a heartbeat that fails for another reason', async () => {
    const onLost = vi.fn();
    await backend().claim('join-token', lease({ onLost }));
    answerNext(routes.heartbeat, [{ status: 401, body: { code: 'unauthenticated' } }, 'hang-up']);
    await vi.advanceTimersByTimeAsync(lifetimes.heartbeatMs);
    await expect.poll(() => seen(routes.heartbeat)).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(lifetimes.heartbeatMs);
    await expect.poll(() => seen(routes.heartbeat)).toHaveLength(3);
    expect(onLost).not.toHaveBeenCalled();
  });

  test('tells which version of the lexicon applies, after each renewal', async () => {
    const onLexicon = vi.fn();
    await backend().claim('join-token', lease({ onLexicon }));
    await vi.advanceTimersByTimeAsync(lifetimes.heartbeatMs);
    await expect.poll(() => onLexicon.mock.calls).toEqual([['7.2']]);
  });

  test('says what is wrong when it is used without a session', () => {
    expect(() => backend().appendTurn(turn('one'))).toThrow(/before a session was claimed/);
  });
});
