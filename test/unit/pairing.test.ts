import { describe, expect, it } from 'vitest';
import { codeAlphabet, codeLength, newPairingSchema, pairingCodeSchema, qrPayloadOf } from '../../domain/pairing.ts';
import { clientMessageSchema, helloSchema } from '../../domain/pairing-messages.ts';
import { newPairingCode } from '../../services/pairing-codes.ts';
import { createRooms } from '../../services/rooms.ts';

describe('a pairing code', () => {
  it('is eight letters and digits nobody takes for one another', () => {
    const codes = Array.from({ length: 500 }, newPairingCode);
    expect(new Set(codes).size).toBe(codes.length);
    expect(codes.join('')).toMatch(/^[2-9A-HJKMNP-Z]+$/);
    expect(new Set(codes.map(({ length }) => length))).toEqual(new Set([codeLength]));
    expect(new Set(codes.join(''))).toEqual(new Set(codeAlphabet));
  });

  it.each([
    ['ABCDEFGH', 'ABCDEFGH'],
    ['abcd-efgh', 'ABCDEFGH'],
    [' 2345 6789 ', '23456789'],
  ])('is read from %j', (typed, code) => {
    expect(pairingCodeSchema.parse(typed)).toBe(code);
  });

  it.each(['', 'ABCDEFG', 'ABCDEFGHJ', 'ABCDEFG0', 'ABCDEFGI', 'ABCDEFGÉ', 'A'.repeat(33)])('is not %j', (typed) => {
    expect(pairingCodeSchema.safeParse(typed).success).toBe(false);
  });

  it('comes as text for a camera, too', () => {
    const payload = new URL(qrPayloadOf('7b2f6a0e-5c3d-4a7e-9c53-0a2a5d9d9b11', 'ABCDEFGH'));
    expect(payload.protocol).toBe('parley-pairing:');
    expect(Object.fromEntries(payload.searchParams)).toEqual({
      id: '7b2f6a0e-5c3d-4a7e-9c53-0a2a5d9d9b11',
      code: 'ABCDEFGH',
    });
  });
});

it('can take nobody out of a room while LiveKit is away', async () => {
  const rooms = createRooms({
    url: 'http://127.0.0.1:1',
    apiKey: 'key',
    apiSecret: 'a-livekit-secret-of-32-characters',
  });
  await expect(rooms.removeParticipant('room', 'somebody')).rejects.toMatchObject({ code: 'unavailable' });
});

it('takes a language for a new session alone', () => {
  const sessionId = crypto.randomUUID();
  expect(newPairingSchema.safeParse({ language: 'nl' }).success).toBe(true);
  expect(newPairingSchema.safeParse({ sessionId }).success).toBe(true);
  expect(newPairingSchema.safeParse({ sessionId, language: 'nl' }).error?.issues[0]?.path).toEqual(['language']);
});

describe('the messages of a client', () => {
  it('begin with who it is, and from where it goes on', () => {
    expect(helloSchema.parse({ type: 'hello', end: 'computer' })).toEqual({ type: 'hello', end: 'computer', after: 0 });
    const phone = { type: 'hello', end: 'phone', phoneEpoch: 2, after: 7 };
    expect(helloSchema.parse(phone)).toEqual(phone);
  });

  it.each([
    ['a phone that does not say which', { type: 'hello', end: 'phone' }],
    ['another end', { type: 'hello', end: 'tablet' }],
    ['what is not counted', { type: 'hello', end: 'computer', after: -1 }],
    ['a misspelt field', { type: 'hello', end: 'computer', last: 3 }],
  ])('are refused from %s', (_name, message) => {
    expect(helloSchema.safeParse(message).success).toBe(false);
  });

  it('know no other types', () => {
    expect(clientMessageSchema.safeParse({ type: 'ping' }).success).toBe(true);
    expect(clientMessageSchema.safeParse({ type: 'event' }).success).toBe(false);
    expect(clientMessageSchema.safeParse({ type: 'auth' }).success).toBe(false);
  });
});
