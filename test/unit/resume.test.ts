import { EventEmitter } from 'node:events';
import { llm, voice } from '@livekit/agents';
import { expect, test, vi } from 'vitest';
import type { CallSession } from '../../agents/call.ts';
import { goOn, historyOf, keepCheckpoints } from '../../agents/turns/resume.ts';
import type { SpokenAgent } from '../../agents/turns/spoken-agent.ts';
import type { Turn } from '../../domain/conversation.ts';

const turn = (speaker: Turn['speaker'], text: string, position: number): Turn => ({
  id: `00000000-0000-4000-8000-00000000000${position}`,
  speaker,
  agent: speaker === 'agent' ? 'concierge' : null,
  text,
  raw: null,
  edits: [],
  interrupted: false,
  saidAt: new Date(position * 1_000).toISOString(),
  position,
  latency: null,
});

class Session extends EventEmitter {
  readonly userData = {
    language: 'nl',
    heardLanguage: '',
    listener: undefined as unknown,
    backend: { checkpoint: vi.fn() },
  };
  readonly generateReply = vi.fn();
}

const agent = () => ({ open: vi.fn() });

function comeBack(session: Session, turns: Turn[]) {
  const opening = agent();
  goOn(session as unknown as CallSession, opening as unknown as SpokenAgent, turns);
  return opening;
}

test('each agent that a person comes to is kept', () => {
  const session = new Session();
  keepCheckpoints(session as unknown as CallSession);
  const { ConversationItemAdded } = voice.AgentSessionEventTypes;
  session.emit(ConversationItemAdded, { item: llm.AgentHandoffItem.create({ newAgentId: 'concierge' }) });
  session.emit(ConversationItemAdded, { item: llm.ChatMessage.create({ role: 'user', content: 'hallo' }) });
  session.emit(ConversationItemAdded, { item: llm.AgentHandoffItem.create({ newAgentId: 'onboarding' }) });
  expect(session.userData.backend.checkpoint.mock.calls).toEqual([[{ agent: 'concierge' }], [{ agent: 'onboarding' }]]);
});

test('an agent goes on with what was said, in its order', () => {
  const { items } = historyOf([turn('agent', 'Hallo.', 1), turn('user', 'Dag.', 2)]);
  expect(items).toMatchObject([
    { type: 'message', role: 'assistant', content: ['Hallo.'], createdAt: 1_000 },
    { type: 'message', role: 'user', content: ['Dag.'], createdAt: 2_000 },
  ]);
});

test('a call goes on with a line, and an answer where one is open', () => {
  const waiting = new Session();
  expect(comeBack(waiting, [turn('user', 'Dag.', 1)]).open).toHaveBeenCalledWith('Excuus, ik was er even niet.');
  expect(waiting.generateReply).toHaveBeenCalledOnce();
  const answered = new Session();
  comeBack(answered, [turn('user', 'Dag.', 1), turn('agent', 'Hallo.', 2)]);
  const dictating = new Session();
  dictating.userData.listener = {};
  comeBack(dictating, [turn('user', 'element zesentwintig', 1)]);
  expect(answered.generateReply).not.toHaveBeenCalled();
  expect(dictating.generateReply).not.toHaveBeenCalled();
});
