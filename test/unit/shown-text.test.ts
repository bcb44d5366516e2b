import { describe, expect, it } from 'vitest';
import { ShownText } from '../../agents/turns/shown-text.ts';

/** A reply as its words become known, and what of it the room was shown. */
function replying(reply: string[], ...shown: string[]): ShownText {
  const text = new ShownText();
  text.begin();
  for (const words of reply) text.extend(words);
  for (const words of shown) text.show(words);
  return text;
}

describe('what the room was shown of a reply', () => {
  it('is all missing where no word was shown, and nothing where all were', async () => {
    expect(await replying(['I heard ', 'you. ']).missing()).toBe('I heard you.');
    expect(await replying(['I heard ', 'you. '], 'I ', 'heard ', 'you.').missing()).toBe('');
  });

  it('lacks the end that a voice did not come to', async () => {
    expect(await replying(['It rains in Paris today.'], 'It rains ').missing()).toBe('in Paris today.');
  });

  it('is complete with the words that are on their way', async () => {
    const text = replying(['It rains today.'], 'It ');
    const missing = text.missing();
    text.show('rains today.');
    expect(await missing).toBe('');
  });

  it('is that of one reply alone', async () => {
    const text = replying(['It rains.'], 'It rains.');
    text.begin();
    expect(text.hasReply).toBe(false);
    text.extend('It is dry.');
    expect(text.hasReply).toBe(true);
    expect(await text.missing()).toBe('It is dry.');
  });

  it('is written whole after words of something else', async () => {
    expect(await replying(['It rains.'], 'Hello.').missing()).toBe('It rains.');
  });

  it('is heard of from where the framework writes into the room', async () => {
    const written: string[] = [];
    const room = { captureText: async (text: string | { text: string }) => void written.push(String(text)) };
    const text = replying(['It rains today.']);
    text.follow({ output: { transcription: { captureText: async () => {}, nextInChain: room } } } as never);
    await room.captureText('It ');
    await room.captureText({ text: 'rains today.' });
    expect(written).toHaveLength(2);
    expect(await text.missing()).toBe('');
    text.follow({ output: { transcription: null } } as never);
  });
});
