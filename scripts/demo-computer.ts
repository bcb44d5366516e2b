import { once } from 'node:events';
import WebSocket from 'ws';
import type { PairingEvent, PairingWithCode } from '../domain/pairing.ts';
import { serverMessageSchema } from '../domain/pairing-messages.ts';

/** The practice's computer: it has asked for a pairing, and is told of what comes of it. */
export interface Computer {
  pairing: PairingWithCode;
  /** The note of the pairing's session, in one of the forms it is given out in. */
  note(accept: 'application/json' | 'text/plain'): Promise<Response>;
  /** Ends the pairing. */
  close(): Promise<void>;
}

/** Asks for a pairing whose session speaks Dutch and connects to its WebSocket. @throws Error when the API refuses */
export async function openComputer(
  api: { apiUrl: string; developmentToken: string },
  onEvent: (event: PairingEvent) => void,
): Promise<Computer> {
  const request = async (method: string, path: string, options: { body?: object; accept?: string } = {}) => {
    const response = await fetch(`${api.apiUrl}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${api.developmentToken}`,
        ...(options.body && { 'content-type': 'application/json' }),
        ...(options.accept && { accept: options.accept }),
      },
      body: options.body && JSON.stringify(options.body),
    });
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`);
    return response;
  };
  const pairing = (await (await request('POST', '/pairings', { body: { language: 'nl' } })).json()) as PairingWithCode;
  const { id, sessionId } = pairing.pairing;
  const socket = new WebSocket(`${api.apiUrl.replace(/^http/, 'ws')}/api/v1/pairings/${id}/ws`);
  socket.on('message', (data) => {
    const message = serverMessageSchema.parse(JSON.parse(String(data)));
    if (message.type === 'event') onEvent(message.event);
  });
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'hello', end: 'computer', token: api.developmentToken }));
  return {
    pairing,
    note: (accept) => request('GET', `/sessions/${sessionId}/note`, { accept }),
    async close() {
      const closed = once(socket, 'close');
      await request('DELETE', `/pairings/${id}`);
      await closed;
    },
  };
}
