import { llm } from '@livekit/agents';

/** What the framework is told, as an `error` event, of an error of a realtime session; emitted with no listener it is thrown. */
export function errorEvent(session: llm.RealtimeSession, error: unknown, recoverable: boolean): llm.RealtimeModelError {
  return {
    type: 'realtime_model_error',
    timestamp: Date.now(),
    label: session.realtimeModel.label(),
    error: error instanceof Error ? error : new llm.RealtimeError('unknown error'),
    recoverable,
  };
}
