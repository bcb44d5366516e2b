import { voice } from '@livekit/agents';

/**
 * Closes the byte-stream `lk.agent.session`. `AgentSession.start({ room })` of @livekit/agents 1.9.0 always opens it and
 * has no option against it: whoever is in the room could read the system prompt, the history and every tool call, and
 * run input past our text path. Called once per process, before the first session starts.
 */
export function closeSessionHost(): void {
  voice.SessionHost.prototype.registerSession = () => {};
  voice.SessionHost.prototype.start = async () => {};
}
