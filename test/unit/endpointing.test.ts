import { EventEmitter } from 'node:events';
import { llm, voice } from '@livekit/agents';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Call, CallSession } from '../../agents/call.ts';
import { followPauses } from '../../agents/turns/endpointing.ts';
import { ThinkingPauses } from '../../agents/turns/thinking-pauses.ts';

const events = voice.AgentSessionEventTypes;
const bounds = { endpointingMinDelayMs: 300, endpointingMaxDelayMs: 1_000 };

/** A session in which a person speaks for a second at a time; it tells of the end 250 ms late, and of the beginning 80 ms. */
class Session extends EventEmitter {
  readonly userData: Partial<Call> = {};
  delayMs = bounds.endpointingMinDelayMs;
  #nowMs = 1_000_000;

  updateOptions({ turnHandling }: { turnHandling: { endpointing: { minDelay: number } } }): void {
    this.delayMs = turnHandling.endpointing.minDelay;
  }

  /** @param afterMs silence before it */
  says(words: string, afterMs = 5_000): void {
    this.#nowMs += afterMs;
    this.#user('speaking', 80);
    if (words) this.emit(events.UserInputTranscribed, { transcript: words, isFinal: false });
    this.#nowMs += 1_000;
    this.#user('listening', 250);
  }

  /** @param afterMs silence before the answer */
  answers(afterMs: number): void {
    this.emit(events.AgentStateChanged, { newState: 'speaking', createdAt: this.#nowMs + afterMs });
  }

  turn(more: Partial<llm.ChatMessage> = {}): void {
    const item = llm.ChatMessage.create({ role: 'user', content: 'words' });
    this.emit(events.ConversationItemAdded, { item: Object.assign(item, { metrics: { stoppedSpeakingAt: 1 } }, more) });
  }

  #user(newState: voice.UserState, lateMs: number): void {
    this.emit(events.UserStateChanged, { newState, createdAt: this.#nowMs + lateMs });
  }
}

describe('dynamic endpointing', () => {
  let session: Session;

  beforeEach(() => {
    session = new Session();
    const call = session as unknown as CallSession;
    followPauses(call, new ThinkingPauses(call), bounds);
  });

  test('waits longer than the pauses of a person who thinks, at once', () => {
    session.says('I would like a table');
    session.says('by the window', 450);
    expect(session.delayMs).toBe(650);
    session.turn();
    expect(session.delayMs).toBe(650);
  });

  test('waits less again with each turn without a pause, down to where it began', () => {
    session.says('a table');
    session.says('by the window', 450);
    session.turn();
    session.says('thank you');
    session.turn();
    expect(session.delayMs).toBe(580);
    for (let turn = 0; turn < 40; turn++) session.turn();
    expect(session.delayMs).toBeLessThanOrEqual(302);
  });

  test('waits no longer than the longest delay', () => {
    session.says('a table');
    session.says('by the window', 1_400);
    expect(session.delayMs).toBe(bounds.endpointingMaxDelayMs);
  });

  test('learns from an answer that came too soon, and not from one that was listened to', () => {
    session.says('a table');
    session.turn();
    session.answers(600);
    session.says('by the window', 700);
    expect(session.delayMs).toBe(900);
    session.says('and a chair');
    session.turn();
    const before = session.delayMs;
    session.answers(600);
    session.says('no, two', 1_200);
    expect(session.delayMs).toBe(before);
  });

  test('learns nothing from somebody who dictates', () => {
    session.userData.listener = { heard: () => {}, typed: () => {} };
    session.says('element twenty seven');
    session.says('element thirty six', 600);
    expect(session.delayMs).toBe(300);
  });

  test('learns nothing from a sound without words, from what is said much later, and from typed turns', () => {
    session.says('a table');
    session.says('', 500);
    session.says('by the window', 1_501);
    expect(session.delayMs).toBe(300);
    session.says('and a chair', 500);
    const before = session.delayMs;
    session.turn();
    session.turn({ metrics: {} });
    expect(session.delayMs).toBe(before);
  });
});
