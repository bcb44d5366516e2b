import { AccessToken } from 'livekit-server-sdk';
import type { LiveKitConfig } from '../core/config/livekit.ts';
import type { Log } from '../core/log.ts';

/** The API counts a dispatch as lost that it hears nothing of in a second or so (`lifetimes.dispatchAcceptMs`). */
const timeoutMs = 3_000;
const tokenTtlSeconds = 60;

/** Where acceptances are told. */
export interface AcceptanceOptions {
  apiUrl: string;
  livekit: LiveKitConfig;
  log: Log;
}

/**
 * Tells the API that this worker has taken on the job of a room, with a token as the job itself will have it: another agent is
 * not dispatched while this one starts. Where the API can't be told it dispatches again, and the second job leaves by itself.
 */
export async function tellAccepted(
  { apiUrl, livekit, log }: AcceptanceOptions,
  { jobId, roomName }: { jobId: string; roomName: string },
): Promise<void> {
  const token = new AccessToken(livekit.apiKey, livekit.apiSecret, {
    identity: `agent-${jobId}`,
    ttl: tokenTtlSeconds,
  });
  token.kind = 'agent';
  token.addGrant({ roomJoin: true, room: roomName });
  try {
    const response = await fetch(`${apiUrl}/api/v1/sessions/accept`, {
      method: 'POST',
      headers: { authorization: `Bearer ${await token.toJwt()}` },
      signal: AbortSignal.timeout(timeoutMs),
    });
    await response.body?.cancel();
    if (!response.ok) log.warn({ jobId, status: response.status }, 'the API does not expect the agent of a job');
  } catch (error) {
    log.warn({ jobId, reason: error instanceof Error ? error.name : 'unknown' }, 'the API was not told of a job');
  }
}
