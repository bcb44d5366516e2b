import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { initializeLogger } from '@livekit/agents';
import { describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { CartesiaTTS } from '../../providers/tts/cartesia.ts';
import { PieceCutter } from '../../providers/tts/segments.ts';
import { cartesiaStandIn } from '../../sandbox/cartesia.ts';
import { describeTtsContract } from './tts-suite.ts';

const voice = { apiKey: 'sandbox', model: 'sonic-3', voiceId: 'f786b574-daa5-4673-aa0c-cbe3e8534c02', language: 'nl' };

describeTtsContract('CartesiaTTS', {
  vendor: 'cartesia',
  standIn: cartesiaStandIn,
  create: (options) => new CartesiaTTS({ ...voice, ...options }),
});

describe('CartesiaTTS base URL', () => {
  it('may have a path before the vendor’s', async () => {
    initializeLogger({ pretty: false, level: 'error' });
    const server = createServer();
    const sockets = new WebSocketServer({ server });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const connected = once(sockets, 'connection');
    const speaker = new CartesiaTTS({ ...voice, baseUrl: `http://127.0.0.1:${port}/proxy/cartesia` });
    speaker.prewarm();
    const [, request] = await connected;
    expect(request.url).toBe('/proxy/cartesia/tts/websocket');
    await speaker.close();
    sockets.close();
    server.close();
    await once(server, 'close');
  });
});

describe('PieceCutter', () => {
  const cut = (...texts: string[]) => {
    const cutter = new PieceCutter();
    const pieces = texts.flatMap((text) => cutter.push(text));
    return [...pieces, cutter.rest()];
  };

  it('lets the first clause go at once, then whole sentences', () => {
    const pieces = cut('Goedemorgen Jan, hoe gaat het, met u? Fijn dat u belt. Dus');
    expect(pieces).toEqual(['Goedemorgen Jan, ', 'hoe gaat het, met u? ', 'Fijn dat u belt. Dus']);
  });

  it('cuts neither inside a number nor between a sentence and its closing quote', () => {
    expect(cut('Dat kost 3,50 en duurt 1.5 uur. Ja')).toEqual(['Dat kost 3,50 en duurt 1.5 uur. ', 'Ja']);
    expect(cut('Hij zei: “Dat doet zeer.” En toen')).toEqual(['Hij zei: “Dat doet zeer.” ', 'En toen']);
  });

  it('gives the same pieces however the text is split, and they join to the text', () => {
    const text = 'Goed, ik kijk even. U kunt dinsdag, woensdag of vrijdag; welke dag schikt het best? ... Tot dan!\n';
    expect(cut(...text)).toEqual(cut(text));
    expect(cut(text).join('')).toBe(text);
  });

  it('cuts between words where punctuation is missing', () => {
    const text = 'woord '.repeat(100);
    const pieces = cut(text);
    expect(pieces.length).toBeGreaterThan(2);
    expect(pieces.every((piece) => piece.length <= 200 + 'woord '.length)).toBe(true);
    expect(pieces.join('')).toBe(text);
  });

  it('never begins with a piece that cannot be spoken', () => {
    expect(cut('... ... ... ', 'ja goed. ')[0]).toBe('... ... ... ja goed. ');
  });
});
