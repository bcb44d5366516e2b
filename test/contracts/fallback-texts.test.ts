import { voice } from '@livekit/agents';
import { AudioFrame } from '@livekit/rtc-node';
import { describe, expect, it } from 'vitest';
import { RepetitionFilter, WholeWords } from '../../providers/fallback/llm-continuation.ts';
import { OpenAudio } from '../../providers/fallback/stt-audio.ts';
import { SpokenText } from '../../providers/fallback/tts-unspoken.ts';

describe('WholeWords', () => {
  it('lets words go with the space that follows them, and keeps one that may not be whole', () => {
    const words = new WholeWords();
    expect(['Good', ' mor', 'ning', ', Ro', 'bin. ', 'Bye'].map((text) => words.push(text))).toEqual([
      '',
      'Good ',
      '',
      'morning, ',
      'Robin. ',
      '',
    ]);
    expect(words.rest()).toBe('Bye');
    expect(words.rest()).toBe('');
  });

  it('does not wait for spaces in scripts that have none', () => {
    const words = new WholeWords();
    expect(words.push('こんにちは')).toBe('こんにちは');
  });
});

describe('RepetitionFilter', () => {
  const continued = (delivered: string, ...texts: string[]) => {
    const filter = new RepetitionFilter(delivered);
    return texts.map((text) => filter.push(text)).join('') + filter.end();
  };
  const said = 'Once upon a time, in a small harbour town ';

  it.each([
    ['goes on', 'there lived a clockmaker.', 'there lived a clockmaker.'],
    ['begins with a space', ' there lived.', 'there lived.'],
    ['repeats everything', 'Once upon a time, in a small harbour town there lived.', 'there lived.'],
    ['repeats it in its own way', 'once upon a time in a small "Harbour Town", there lived.', 'there lived.'],
    ['repeats the end', 'in a small harbour town there lived.', 'there lived.'],
    ['repeats the last word', 'Town there lived.', 'there lived.'],
    ['begins like the words before', 'Once there lived.', 'Once there lived.'],
    ['uses a word from the middle', 'small boats came in.', 'small boats came in.'],
    ['says nothing new', 'Once upon a time', ''],
    ['says nothing', '', ''],
  ])('when a continuation %s', (_, continuation, rest) => {
    expect(continued(said, continuation)).toBe(rest);
    expect(continued(said, ...(continuation.match(/\S+\s*|\s+/g) ?? []))).toBe(rest);
  });

  it('lets everything through where nothing was said before, and holds nothing back that can be no repetition', () => {
    expect(new RepetitionFilter('').push('Once ')).toBe('Once ');
    expect(new RepetitionFilter(said).push('there ')).toBe('there ');
    expect(new RepetitionFilter(said).push('Once ')).toBe('');
  });
});

describe('SpokenText', () => {
  const text = 'Dinsdag om half tien is er nog plaats. Schikt u dat? ';
  const rest = (seconds: number, ...timed: [string, number, number][]) => {
    const spoken = new SpokenText();
    spoken.push(text);
    const transcripts = timed.map(([word, startTime, endTime]) =>
      voice.createTimedString({ text: word, startTime, endTime }),
    );
    spoken.hear(seconds, transcripts);
    return text.slice(spoken.spokenLength);
  };
  const words: [string, number, number][] = [
    ['Dinsdag', 0, 0.5],
    ['om', 0.5, 0.6],
    ['half', 0.6, 0.9],
    ['tien', 0.9, 1.3],
    ['is', 1.3, 1.5],
  ];

  it('goes by the times of words, a word counting from its middle on', () => {
    expect(rest(0, ...words)).toBe(text);
    expect(rest(0.2, ...words)).toBe(text);
    expect(rest(0.3, ...words)).toBe('om half tien is er nog plaats. Schikt u dat? ');
    expect(rest(0.76, ...words)).toBe('tien is er nog plaats. Schikt u dat? ');
    expect(rest(1.5, ...words)).toBe('er nog plaats. Schikt u dat? ');
  });

  it('takes a pause after the last known word for a pause, and more than that for words', () => {
    expect(rest(1.8, ...words)).toBe('er nog plaats. Schikt u dat? ');
    expect(rest(2.1, ...words)).toBe('plaats. Schikt u dat? ');
  });

  it('finds words that are written in another way', () => {
    const [, ...others] = words;
    expect(rest(1.5, ['dinsdag,', 0, 0.5], ...others)).toBe('er nog plaats. Schikt u dat? ');
    expect(rest(1.5, ['Tuesday', 0, 0.5], ...others)).toBe('er nog plaats. Schikt u dat? ');
  });

  it('goes by whole pieces, and within one by the share of it', () => {
    const [first, second] = [text.slice(0, 39), text.slice(39)];
    expect(rest(3, [first, 0, 3])).toBe(second);
    expect(rest(3.2, [first, 0, 3])).toBe(second);
    expect(rest(1.5, [first, 0, 3])).toBe('tien is er nog plaats. Schikt u dat? ');
    expect(rest(4.6, [first, 0, 3], [second, 3, 4.6])).toBe('');
  });

  it('without any times goes by the rate of speech, and back to the beginning of a word', () => {
    expect(rest(0)).toBe(text);
    expect(rest(0.3)).toBe(text);
    expect(rest(1)).toBe('tien is er nog plaats. Schikt u dat? ');
    expect(rest(20)).toBe('');
  });

  it('knows whether all was said', () => {
    const spoken = new SpokenText();
    spoken.push('Tot morgen! ');
    expect(spoken.isComplete).toBe(false);
    spoken.hear(0.5, [voice.createTimedString({ text: 'Tot', startTime: 0, endTime: 0.4 })]);
    expect(spoken.isComplete).toBe(false);
    spoken.hear(0.6, [voice.createTimedString({ text: 'morgen!', startTime: 0.4, endTime: 1.1 })]);
    expect(spoken.isComplete).toBe(true);
    spoken.push('En bedankt.');
    expect(spoken.isComplete).toBe(false);
  });
});

describe('OpenAudio', () => {
  const ratio = 16_000;
  const sound = (level: number) => (_: unknown, n: number) => level * Math.sin(n / 3);
  const add = (audio: OpenAudio, seconds: number, level: number) => {
    for (let at = 0; at < Math.round(seconds * 50); at += 1) {
      const data = Int16Array.from({ length: ratio / 50 }, sound(level));
      audio.push(new AudioFrame(data, ratio, 1, data.length));
    }
  };
  const voiced = 6_000;

  it('keeps what may be speech, and of silence only the last moment', () => {
    const audio = new OpenAudio(30);
    add(audio, 3, 5);
    expect(audio.endSeconds - audio.startSeconds).toBeLessThanOrEqual(0.52);
    expect(audio.hasVoice).toBe(false);
    add(audio, 1, voiced);
    add(audio, 2, 5);
    expect(audio.hasVoice).toBe(true);
    expect(audio.startSeconds).toBeCloseTo(2.5, 1);
    expect(audio.endSeconds).toBeCloseTo(6, 5);
  });

  it('forgets what a transcript covers, up to the pause after its last word', () => {
    const audio = new OpenAudio(30);
    add(audio, 1, voiced);
    add(audio, 0.3, 5);
    add(audio, 1, voiced);
    audio.acknowledge(0.95);
    expect(audio.hasVoice).toBe(true);
    expect(audio.startSeconds).toBeCloseTo(1, 1);
    audio.acknowledge(2.3);
    expect(audio.hasVoice).toBe(false);
  });

  it('goes by the latest pause where the recogniser knows no times', () => {
    const audio = new OpenAudio(30);
    add(audio, 1, voiced);
    add(audio, 0.3, 5);
    add(audio, 0.2, voiced);
    audio.acknowledge(0);
    expect(audio.hasVoice).toBe(true);
    expect(audio.startSeconds).toBeCloseTo(1.3, 1);
    add(audio, 0.3, 5);
    audio.acknowledge(0);
    expect(audio.hasVoice).toBe(false);
  });

  it('takes a steady hum for noise after a while, and a voice above it for a voice', () => {
    const audio = new OpenAudio(30);
    add(audio, 15, 400);
    const quiet = audio.push(new AudioFrame(Int16Array.from({ length: 320 }, sound(400)), ratio, 1, 320));
    const loud = audio.push(new AudioFrame(Int16Array.from({ length: 320 }, sound(voiced)), ratio, 1, 320));
    expect([quiet.voiced, loud.voiced]).toEqual([false, true]);
  });

  it('keeps no more than it may', () => {
    const audio = new OpenAudio(2);
    add(audio, 5, voiced);
    expect(audio.endSeconds - audio.startSeconds).toBeLessThanOrEqual(2.02);
  });
});
