import type { RealtimeClientEvent } from 'openai/resources/realtime/realtime';
import { type SessionSettings, type SessionState, toSession, toTurnDetection } from './openai-config.ts';
import { type Conversation, toWireItem } from './openai-items.ts';
import type { UserTurns } from './openai-turns.ts';

/** What a new connection has to be told. */
export interface Retold {
  settings: SessionSettings;
  state: SessionState;
  conversation: Conversation;
  turns: UserTurns;
}

/**
 * The events that bring a new connection to where the conversation is: the session, every item in order, and the audio that was
 * not understood yet. Turns that have ended already are told as turns again, with the server's own turn detection off: it would
 * begin replies of its own.
 */
export function* retelling({ settings, state, conversation, turns }: Retold): Generator<RealtimeClientEvent> {
  const hasTurns = turns.hasClosed;
  turns.connect();
  yield { type: 'session.update', session: toSession(settings, state, { listen: !hasTurns }) };
  for (const item of conversation.items) {
    if (turns.isUntranscribed(item.id)) yield* turns.retell(item.id);
    const wireItem = toWireItem(item, conversation);
    if (wireItem) yield { type: 'conversation.item.create', item: wireItem };
  }
  yield* turns.retell();
  if (hasTurns) {
    const turn_detection = toTurnDetection(settings.turnDetection);
    yield { type: 'session.update', session: { type: 'realtime', audio: { input: { turn_detection } } } };
  }
  yield* turns.rest();
}
