import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createApp } from '../../api/app.ts';
import { createHttpServer } from '../../api/http-server.ts';
import { assetPath } from '../../core/assets.ts';
import type { UserActor } from '../../domain/actor.ts';
import { readRecording } from '../../providers/media/recording-reader.ts';
import { OpenAIFileTranscriber } from '../../providers/stt/openai-files.ts';
import { loadLines } from '../../sandbox/deepgram.ts';
import { openaiTranscriptionsStandIn, type SpokenMark } from '../../sandbox/openai-transcriptions.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';
import type { Services } from '../../services/context.ts';
import { authenticatorOf } from './api-world.ts';
import { http, openWorld, type World } from './world.ts';

/** Segments of recordings in tests. */
export const longestSegmentSeconds = 10;

/** An event of the answer. */
export interface ServerEvent {
  event: string;
  data: Record<string, unknown>;
}

/** The API on a port, with the real adapter of OpenAI before its stand-in. */
export interface TranscriptionWorld {
  world: World;
  sandbox: Sandbox;
  services: Services;
  url: string;
  /** Access token of a user. */
  tokenOf(user: UserActor): Promise<string>;
  /** Sends a form, as JSON is wanted or events are. */
  send(token: string, form: FormData, options?: { accept?: string; signal?: AbortSignal }): Promise<Response>;
  close(): Promise<void>;
}

/** Opens the world; `marks` are what the stand-in hears in recordings that are not WAV. */
export async function openTranscriptionWorld(marks: readonly SpokenMark[]): Promise<TranscriptionWorld> {
  const world = await openWorld();
  const sandbox = await startSandbox([
    openaiTranscriptionsStandIn(await loadLines(assetPath('sandbox', 'lines')), marks),
  ]);
  const vendor = { apiKey: 'a-key', baseUrl: `${sandbox.url}/openai/v1`, model: 'gpt-4o-transcribe' };
  const { log } = world.services;
  const services: Services = {
    ...world.services,
    transcription: {
      transcriber: new OpenAIFileTranscriber({ ...vendor, log, maxRetries: 0 }),
      // Without a thread for each, which takes a while to start from source.
      openRecording: (bytes) => readRecording(bytes, { longestSegmentSeconds }),
    },
  };
  const app = createApp({
    ...services,
    accounts: world.accounts,
    authenticator: authenticatorOf(world),
    http,
    ping: () => world.database.ping(),
    isDraining: () => false,
  });
  const server = createHttpServer(app);
  const url = await listen(server);
  return {
    world,
    sandbox,
    services,
    url,
    async tokenOf({ tenantId, userId, roles }) {
      const { token } = await world.accounts.accessTokens.sign({ tenantId, userId, roles: [...roles] });
      return token;
    },
    send: (token, form, { accept = 'application/json', signal } = {}) =>
      fetch(url, { method: 'POST', body: form, headers: { authorization: `Bearer ${token}`, accept }, signal }),
    async close() {
      server.closeAllConnections();
      server.close();
      await sandbox.close();
      await world.close();
    },
  };
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1/transcriptions`;
}

/** A form with a recording in it. */
export function formOf(audio: Uint8Array, fields: Record<string, string> = {}, fileName = 'upload.bin'): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  form.set('file', new Blob([Uint8Array.from(audio)]), fileName);
  return form;
}

/** The events of an answer, until it ends. */
export async function eventsOf(response: Response): Promise<ServerEvent[]> {
  return (await response.text())
    .split('\n\n')
    .filter((block) => block.startsWith('event: '))
    .map((block) => {
      const [, event = '', data = ''] = /^event: (.+)\ndata: (.+)$/.exec(block) ?? [];
      return { event, data: JSON.parse(data) };
    });
}
