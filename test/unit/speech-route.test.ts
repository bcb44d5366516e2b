import { EventEmitter } from 'node:events';
import { voice } from '@livekit/agents';
import { afterEach, expect, test } from 'vitest';
import type { CallSession } from '../../agents/call.ts';
import { type RealtimeMember, SpeechRoute } from '../../agents/turns/speech-route.ts';
import type { AgentOptions, SpokenAgent } from '../../agents/turns/spoken-agent.ts';
import type { Recovery } from '../../domain/conversation.ts';
import { VendorHealth } from '../../providers/fallback/health.ts';

const events = voice.AgentSessionEventTypes;
const health = new VendorHealth();

/** A session between two turns, which keeps what it is handed. */
class Session extends EventEmitter {
  agentState: voice.AgentState = 'listening';
  userState: voice.UserState = 'listening';
  readonly history = { items: [] };
  readonly handed: unknown[] = [];
  readonly currentAgent = { id: 'concierge', chatCtx: { copy: () => ({}) } };

  updateAgent(agent: unknown): void {
    this.handed.push(agent);
  }
}

afterEach(() => health.close());

const model = (name: string) => ({ name, probe: async () => {} }) as unknown as RealtimeMember['model'];

function follow(session: Session) {
  const recoveries: Recovery[] = [];
  const route = new SpeechRoute({
    members: ['openai', 'gemini'].map((name) => ({ key: `realtime:${name}`, model: model(name) })),
    health,
    agent: (_name, { llm }: AgentOptions) =>
      ((llm as { name: string } | undefined)?.name ?? 'pipeline') as never as SpokenAgent,
    recovered: (recovery) => recoveries.push(recovery),
  });
  route.follow(session as unknown as CallSession);
  return { route, recoveries };
}

test('a call goes once from one model to the next, then to the pipeline, then back to the first that is well', () => {
  const session = new Session();
  const { route, recoveries } = follow(session);
  const error = { type: 'realtime_model_error', recoverable: false };

  session.emit(events.Error, { error });
  expect(session.handed).toEqual(['gemini']);
  expect(error.recoverable).toBe(true);

  route.leave('timeout');
  expect(session.handed).toEqual(['gemini', 'pipeline']);
  expect(route.isRealtime).toBe(false);
  expect(route.leave('error')).toBe(false);
  expect(recoveries).toEqual([
    { kind: 'fallback', port: 'realtime', from: 'realtime:openai', to: 'realtime:gemini', reason: 'error' },
    { kind: 'fallback', port: 'realtime', from: 'realtime:gemini', to: null, reason: 'timeout' },
    { kind: 'modality' },
  ]);

  session.userState = 'speaking';
  health.succeeded('realtime:openai');
  expect(session.handed).toHaveLength(2);
  session.userState = 'listening';
  session.emit(events.UserStateChanged);
  expect(session.handed.at(-1)).toBe('openai');
  expect(recoveries.at(-1)).toEqual({ kind: 'modality' });
});
