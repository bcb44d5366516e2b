import { describe, expect, it } from 'vitest';
import { readFileForm } from '../../api/multipart.ts';
import { audioFormats } from '../../domain/transcription.ts';
import { readRecording } from '../../providers/media/recording-reader.ts';
import { openRecording } from '../../providers/media/recordings.ts';
import { randomFrom } from '../support/random.ts';
import { syntheticRecording, wavFile } from '../support/recordings.ts';

const options = { longestSegmentSeconds: 300 };

const tone = (seconds: number) =>
  Int16Array.from({ length: seconds * 16_000 }, (_, index) => 8_000 * Math.sin(index / 5));

const newFile = (format: (typeof audioFormats)[number], seconds = 40) =>
  format === 'wav' ? Promise.resolve(wavFile(tone(seconds))) : syntheticRecording(format, { seconds });

const refusal = (bytes: Uint8Array) =>
  readRecording(bytes, options).then(
    () => null,
    (error: unknown) => error,
  );

describe.each(audioFormats)('a recording as %s', (format) => {
  it('is known by its content, and kept whole while it is short', async () => {
    const bytes = await newFile(format);
    const recording = await readRecording(bytes, options);
    expect(recording.format).toBe(format);
    expect(recording.durationSeconds).toBeCloseTo(40, 0);
    expect(recording.segments).toEqual([{ startSeconds: 0, endSeconds: recording.durationSeconds }]);
    expect(await recording.read(recording.segments[0] as never)).toBe(bytes);
    recording.close();
  });

  it('is divided into files of its own format that hold all of it', async () => {
    const recording = await readRecording(await newFile(format), { longestSegmentSeconds: 15 });
    expect(recording.segments.length).toBeGreaterThanOrEqual(3);
    let endSeconds = 0;
    for (const segment of recording.segments) {
      expect(segment.startSeconds).toBe(endSeconds);
      expect(segment.endSeconds - segment.startSeconds).toBeLessThanOrEqual(15);
      const piece = await readRecording(await recording.read(segment), options);
      expect(piece.format).toBe(format);
      expect(piece.durationSeconds).toBeCloseTo(segment.endSeconds - segment.startSeconds, 0);
      endSeconds = segment.endSeconds;
    }
    expect(endSeconds).toBe(recording.durationSeconds);
    recording.close();
  });

  it('is refused in time, or read, whatever is wrong with its bytes', { timeout: 120_000 }, async () => {
    const whole = await newFile(format, 3);
    const fraction = randomFrom(format.length);
    const random = (below: number) => Math.floor(fraction() * below);
    for (let round = 0; round < 4; round += 1) {
      const bytes = Uint8Array.from(whole);
      // Where the structure is: at both ends.
      for (let change = 0; change < 1 + random(20); change += 1) {
        const at = random(2) ? random(Math.min(600, bytes.length)) : bytes.length - 1 - random(600);
        bytes[at] = random(256);
      }
      const cut = round ? bytes : bytes.slice(0, random(bytes.length));
      try {
        const recording = await openRecording(cut, { longestSegmentSeconds: 60, timeoutMs: 3_000 });
        for (const segment of recording.segments.slice(0, 3)) await recording.read(segment);
        recording.close();
      } catch (error) {
        expect(error).toMatchObject({ code: expect.stringMatching(/^(invalid_input|unsupported_type)$/) });
      }
    }
  });
});

describe('what is no recording', () => {
  it.each([
    ['nothing', Buffer.alloc(0), 'invalid_input', 'file: is empty'],
    [
      'text',
      Buffer.from('a letter to the dentist, which is long enough to be read'.repeat(9)),
      'unsupported_type',
      /WAV, MP3, WebM or M4A/,
    ],
    [
      'an Ogg file',
      Buffer.concat([Buffer.from('OggS'), Buffer.alloc(900)]),
      'unsupported_type',
      /WAV, MP3, WebM or M4A/,
    ],
    ['a WAV file without samples', wavFile(new Int16Array(0)), 'invalid_input', /^file: is/],
    ['a click', wavFile(tone(0.05)), 'invalid_input', 'file: is shorter than 0.1 s'],
  ])('%s is refused', async (_name, bytes, code, message) => {
    expect(await refusal(bytes)).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it.each(['wav', 'webm', 'm4a'] as const)('half of a %s file is refused', async (format) => {
    const bytes = await newFile(format);
    expect(await refusal(bytes.subarray(0, bytes.length >> 1))).toMatchObject({
      code: 'invalid_input',
      message: 'file: ends before its end: send all of it',
    });
  });
});

describe('a recording that is divided', () => {
  it('is cut in a pause of speech', async () => {
    const samples = tone(30);
    samples.fill(0, 12 * 16_000, 12.5 * 16_000);
    const recording = await readRecording(wavFile(samples), { longestSegmentSeconds: 20 });
    expect(recording.segments).toHaveLength(2);
    expect(recording.segments[0]?.endSeconds).toBeGreaterThanOrEqual(12);
    expect(recording.segments[0]?.endSeconds).toBeLessThanOrEqual(12.5);
  });

  it('is cut where an encoder had little to say', async () => {
    const bytes = await syntheticRecording('webm', { seconds: 30, quiet: { fromSeconds: 13, toSeconds: 13.4 } });
    const recording = await readRecording(bytes, { longestSegmentSeconds: 20 });
    expect(recording.segments[0]?.endSeconds).toBeGreaterThanOrEqual(13);
    expect(recording.segments[0]?.endSeconds).toBeLessThanOrEqual(13.4);
  });

  it('keeps every packet once', async () => {
    const marks = Array.from({ length: 40 }, (_, index) => ({ atSeconds: index + 0.5, mark: `<mark ${index}>` }));
    const bytes = await syntheticRecording('m4a', { seconds: 40, marks });
    const recording = await readRecording(bytes, { longestSegmentSeconds: 7 });
    const pieces = await Promise.all(recording.segments.map((segment) => recording.read(segment)));
    const text = pieces.map((piece) => Buffer.from(piece).toString('latin1')).join('');
    for (const { mark } of marks) expect(text.split(mark)).toHaveLength(2);
  });
});

describe('a recording in a thread of its own', { timeout: 30_000 }, () => {
  const divided = { longestSegmentSeconds: 15 };

  it('is told the same of, and gives the same segments', async () => {
    const bytes = await newFile('mp3');
    const expected = await readRecording(bytes, divided);
    const recording = await openRecording(Uint8Array.from(bytes), divided);
    const { format, durationSeconds, segments } = expected;
    expect(recording).toMatchObject({ format, durationSeconds, segments });
    for (const segment of segments) {
      expect(Buffer.compare(await recording.read(segment), await expected.read(segment))).toBe(0);
    }
    recording.close();
  });

  it('comes back whole while it is short, as it was sent', async () => {
    const bytes = await newFile('wav', 2);
    const form = new FormData();
    form.set('file', new Blob([Uint8Array.from(bytes)]), 'a.wav');
    const request = new Request('http://localhost', { method: 'POST', body: form });
    const { file } = await readFileForm(request, { file: 'file', fileBytes: 1_000_000, otherBytes: 1_000 });
    const recording = await openRecording(file, divided);
    expect(Buffer.compare(await recording.read(recording.segments[0] as never), bytes)).toBe(0);
    recording.close();
  });

  it('is refused as it is without one', async () => {
    const opened = openRecording(Uint8Array.from(Buffer.from('no sound')), divided);
    await expect(opened).rejects.toMatchObject({ code: 'unsupported_type' });
    await expect(openRecording(new Uint8Array(0), divided)).rejects.toMatchObject({ faults: [{ field: 'file' }] });
  });

  it('is given up when it keeps its reader busy, and keeps nobody else', async () => {
    const bytes = Uint8Array.from(await newFile('m4a', 3));
    const samplesPerChunk = Buffer.from(bytes.buffer).indexOf('stsc') + 28;
    new DataView(bytes.buffer).setUint32(samplesPerChunk, 0x7fff_ffff);
    let turns = 0;
    const ticking = setInterval(() => {
      turns += 1;
    }, 10);
    const opened = openRecording(bytes, { ...divided, timeoutMs: 1_500 });
    await expect(opened).rejects.toMatchObject({ code: 'invalid_input', message: 'file: is damaged' });
    clearInterval(ticking);
    expect(turns).toBeGreaterThan(20);
  });

  it('has an end that fails what still goes on', async () => {
    const recording = await openRecording(Uint8Array.from(await newFile('mp3')), divided);
    const read = recording.read(recording.segments[0] as never);
    recording.close();
    await expect(read).rejects.toMatchObject({ code: 'invalid_input' });
  });
});
