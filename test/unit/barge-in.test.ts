import { EventEmitter } from 'node:events';
import { voice } from '@livekit/agents';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { CallSession } from '../../agents/call.ts';
import { BargeIn } from '../../agents/turns/barge-in.ts';
import type { Playout } from '../../agents/turns/playout.ts';

const echoWarmupMs = 1_000;
const events = voice.AgentSessionEventTypes;

/** A session whose states the test sets, and what was done to it. */
class Session extends EventEmitter {
  agentState: voice.AgentState = 'listening';
  userState: voice.UserState = 'listening';
  interrupted = 0;
  resumed = 0;
  paused = false;

  interrupt(): void {
    this.interrupted += 1;
  }

  agent(newState: voice.AgentState): void {
    const oldState = this.agentState;
    this.agentState = newState;
    this.emit(events.AgentStateChanged, { oldState, newState });
  }

  user(newState: voice.UserState): void {
    this.userState = newState;
    this.emit(events.UserStateChanged, { newState });
  }

  words(transcript: string): void {
    this.emit(events.UserInputTranscribed, { transcript, isFinal: false });
  }
}

describe('speaking over an agent', () => {
  let session: Session;

  beforeEach(() => {
    vi.useFakeTimers();
    session = new Session();
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  function bargeIn({ manual = false } = {}): BargeIn {
    const playout = {
      get paused() {
        return session.paused;
      },
      pause: () => {
        session.paused = true;
      },
      resume: () => {
        session.paused = false;
      },
    };
    const made = new BargeIn(session as unknown as CallSession, {
      echoWarmupMs,
      manual,
      onResumed: () => {
        session.resumed += 1;
      },
    });
    made.silence(playout as Playout);
    return made;
  }

  /** The agent has spoken for longer than it may hear itself. */
  function speaking(): void {
    session.agent('speaking');
    vi.advanceTimersByTime(echoWarmupMs);
  }

  test('silences it at the first sound and ends its reply at the first words', () => {
    bargeIn();
    speaking();
    session.user('speaking');
    expect([session.paused, session.interrupted]).toEqual([true, 0]);
    session.words(' ');
    expect(session.interrupted).toBe(0);
    session.words('hold');
    session.words('hold on');
    session.user('listening');
    expect([session.interrupted, session.resumed, session.paused]).toEqual([1, 0, false]);
  });

  test('has it go on when nothing was said, or only that somebody listens', () => {
    const heard = bargeIn();
    speaking();
    session.user('speaking');
    session.user('listening');
    expect(session.paused).toBe(false);
    session.user('speaking');
    expect([heard.isListening('wait'), session.paused]).toEqual([false, true]);
    expect([heard.isListening('mhm'), session.paused]).toEqual([true, false]);
    expect([session.interrupted, session.resumed]).toEqual([0, 2]);
  });

  test('has it go on after two seconds of a voice without words, and ends its reply when they come', () => {
    bargeIn();
    speaking();
    session.user('speaking');
    vi.advanceTimersByTime(1_999);
    expect(session.paused).toBe(true);
    vi.advanceTimersByTime(1);
    expect(session.paused).toBe(false);
    session.words('wait');
    expect(session.interrupted).toBe(1);
  });

  test('gives up an answer that was about to come when the person goes on', () => {
    const heard = bargeIn();
    session.agent('thinking');
    session.user('speaking');
    expect(session.paused).toBe(true);
    expect(heard.isListening('mhm')).toBe(false);
    session.words('and at nine');
    expect(session.interrupted).toBe(1);
  });

  test('goes on with a reply that is saving something', () => {
    bargeIn();
    speaking();
    session.interrupt = () => {
      throw new Error('the speech may not be interrupted');
    };
    session.user('speaking');
    session.words('stop');
    expect(session.paused).toBe(false);
  });

  test.each<[string, (session: Session) => void]>([
    ['it hears itself in its first second', (each) => each.agent('speaking')],
    ['it listens', (each) => each.agent('listening')],
    [
      'what it says may not be interrupted',
      (each) => {
        speaking();
        each.emit(events.SpeechCreated, { speechHandle: { allowInterruptions: false } });
      },
    ],
  ])('does nothing while %s', (_, prepare) => {
    bargeIn();
    prepare(session);
    session.user('speaking');
    session.words('hello there');
    expect([session.paused, session.interrupted]).toEqual([false, 0]);
  });

  test('does nothing where turns are taken by a button', () => {
    bargeIn({ manual: true });
    speaking();
    session.user('speaking');
    session.words('hello there');
    expect([session.paused, session.interrupted]).toEqual([false, 0]);
  });
});
