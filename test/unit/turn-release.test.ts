import { EventEmitter } from 'node:events';
import { voice } from '@livekit/agents';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { CallSession } from '../../agents/call.ts';
import { TurnRelease } from '../../agents/turns/turn-release.ts';

/** A session whose person the test plays; what is done to it goes into `done`. */
class Session extends EventEmitter {
  readonly done: string[] = [];
  userState: voice.UserState = 'listening';
  isRunning = true;

  commitUserTurn(): void {
    if (!this.isRunning) throw new Error('AgentSession is not running');
    this.done.push('commit');
  }

  words({ isFinal }: { isFinal: boolean }): void {
    this.emit(voice.AgentSessionEventTypes.UserInputTranscribed, { transcript: 'so much', isFinal });
    this.done.push('words');
  }
}

describe('a turn that its person ends', () => {
  let session: Session;
  let release: TurnRelease;

  beforeEach(() => {
    vi.useFakeTimers();
    session = new Session();
    release = new TurnRelease(session as unknown as CallSession, {
      stopHearing() {
        session.done.push('deaf');
        session.userState = 'listening';
      },
      requestFinal: () => session.done.push('request'),
    });
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  const pass = (durationMs: number) => vi.advanceTimersByTimeAsync(durationMs);

  test('is heard for a quarter of a second more, and committed then where its words are final', async () => {
    session.words({ isFinal: false });
    release.begin();
    session.words({ isFinal: true });
    await pass(249);
    expect(session.done).toEqual(['words', 'words']);
    await pass(1);
    expect(session.done.slice(2)).toEqual(['deaf', 'commit']);
  });

  test('waits for the final words that it asks for, once the framework has them', async () => {
    session.words({ isFinal: false });
    release.begin();
    await pass(600);
    expect(session.done).toEqual(['words', 'deaf', 'request']);
    session.words({ isFinal: false });
    session.words({ isFinal: true });
    await pass(0);
    expect(session.done.slice(3)).toEqual(['words', 'words', 'commit']);
    session.words({ isFinal: true });
    await pass(5_000);
    expect(session.done.filter((each) => each === 'commit')).toHaveLength(1);
  });

  test('is committed without them half a second later', async () => {
    session.words({ isFinal: false });
    release.begin();
    await pass(749);
    expect(session.done).not.toContain('commit');
    await pass(1);
    expect(session.done).toEqual(['words', 'deaf', 'request', 'commit']);
  });

  test('waits less for more words after final ones, while a voice may still be heard', async () => {
    session.words({ isFinal: true });
    session.userState = 'speaking';
    release.begin();
    await pass(449);
    expect(session.done).toEqual(['words', 'deaf', 'request']);
    await pass(1);
    expect(session.done.at(-1)).toBe('commit');
  });

  test('ends once, however often that is asked for', async () => {
    release.begin();
    await pass(100);
    release.begin();
    await pass(5_000);
    expect(session.done).toEqual(['deaf', 'commit']);
  });

  test.each([100, 400])('goes on where it is cancelled after %i ms', async (afterMs) => {
    session.words({ isFinal: false });
    release.begin();
    await pass(afterMs);
    expect(release.cancel()).toBe(true);
    session.words({ isFinal: true });
    await pass(5_000);
    expect(session.done).not.toContain('commit');
    expect(release.cancel()).toBe(false);
  });

  test('is left to the framework where the call ends before', async () => {
    release.begin();
    session.isRunning = false;
    await pass(5_000);
    expect(session.done).toEqual(['deaf']);
    release.begin();
    session.emit(voice.AgentSessionEventTypes.Close);
    await pass(5_000);
    expect(session.done).toEqual(['deaf']);
  });

  test('is not committed where it is cancelled as its final words come', async () => {
    session.words({ isFinal: false });
    release.begin();
    await pass(300);
    session.words({ isFinal: true });
    release.cancel();
    await pass(5_000);
    expect(session.done).not.toContain('commit');
  });
});
