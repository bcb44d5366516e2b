import { setTimeout as sleep } from 'node:timers/promises';
import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { type WebhookEvent, WebhookReceiver } from 'livekit-server-sdk';
import { AppError, reasonOf } from '../core/errors.ts';
import { lifetimes } from '../core/limits.ts';
import type { Services } from '../services/context.ts';
import { followRoom, type RoomEvent } from '../services/room-events.ts';
import type { ApiEnvironment } from './environment.ts';
import { problemResponses } from './problem.ts';
import { RecentIds } from './recent-ids.ts';

/** Names of LiveKit's events by which somebody comes or goes (https://docs.livekit.io/home/server/webhooks/). */
const changes: Readonly<Record<string, RoomEvent['change']>> = {
  participant_joined: 'joined',
  participant_left: 'left',
  participant_connection_aborted: 'left',
};

/** A LiveKit server tries an event again for some minutes; several of them tell of no more than this in that time. */
const rememberedEvents = 10_000;

const livekit = createRoute({
  method: 'post',
  path: '/webhooks/livekit',
  security: [],
  description:
    "For the LiveKit server's `webhook.urls`: tells who comes to a room and who goes. The `Authorization` header is a token of the " +
    "server's own, which signs the body.",
  responses: { 204: { description: 'The event was taken.' }, ...problemResponses },
});

/** Where LiveKit servers tell what happens in their rooms. Nothing depends on it: what is not told is found out later. */
export function webhookRoutes(services: Services) {
  const { apiKey, apiSecret } = services.settings.livekit;
  const receiver = new WebhookReceiver(apiKey, apiSecret);
  const recent = new RecentIds(rememberedEvents);
  const context = { ...services, actor: { kind: 'system', name: 'api' } as const };

  return new OpenAPIHono<ApiEnvironment>().openapi(livekit, async (c) => {
    const webhook = await received(receiver, await c.req.text(), c.req.header('authorization'));
    const event = roomEventOf(webhook);
    if (event && recent.add(webhook.id)) {
      const wait = () => sleep(lifetimes.leftJobMs);
      // LiveKit delivers one event after another and waits for each answer.
      void followRoom(context, { event, wait }).catch((error: unknown) =>
        services.log.warn({ reason: reasonOf(error) }, 'the watchdog is left to find out what happened in a room'),
      );
    }
    return c.body(null, 204);
  });
}

async function received(receiver: WebhookReceiver, body: string, authorization?: string): Promise<WebhookEvent> {
  try {
    return await receiver.receive(body, authorization);
  } catch {
    throw new AppError('unauthenticated', 'This is for the LiveKit server, which signs what it sends');
  }
}

function roomEventOf({ event, room, participant }: WebhookEvent): RoomEvent | undefined {
  const change = changes[event];
  if (!change || !room || !participant) return undefined;
  return { roomName: room.name, identity: participant.identity, change };
}
