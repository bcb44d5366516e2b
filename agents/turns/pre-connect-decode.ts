import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { AudioFrame, AudioResampler } from '@livekit/rtc-node';
import { heardRateHz } from './hearing.ts';

/** Longest audio that is kept from before the agent joined; of longer one, its end. */
export const longestMs = 30_000;
const longestSamples = (heardRateHz * longestMs) / 1_000;

/** What a client says of audio without a container. */
export interface PcmFormat {
  sampleRateHz: number;
  channels: number;
}

/** Why audio from before the agent joined can't be heard; its message quotes nothing that was received. */
export class UnheardError extends Error {}

/**
 * Containers as browsers record them (`MediaRecorder`), told by their first bytes, since clients name them all `audio/opus`:
 * https://www.rfc-editor.org/rfc/rfc8794 (EBML), https://www.rfc-editor.org/rfc/rfc3533 (Ogg), ISO/IEC 14496-12 (MP4).
 */
const containers = [
  { name: 'matroska', at: 0, magic: Buffer.from([0x1a, 0x45, 0xdf, 0xa3]) },
  { name: 'ogg', at: 0, magic: Buffer.from('OggS', 'latin1') },
  { name: 'mp4', at: 4, magic: Buffer.from('ftyp', 'latin1') },
];

/**
 * Turns a recording of a client's into samples at `heardRateHz`, one channel: 16-bit little-endian PCM itself, Opus in WebM,
 * Ogg or MP4 with the ffmpeg that the framework brings along. Of AAC, which some versions of Safari record, that one knows nothing.
 * @throws UnheardError when it can't be decoded; the reason of the signal when that is aborted
 */
export async function decodeRecording(recording: Buffer, pcm: PcmFormat, signal: AbortSignal): Promise<Int16Array> {
  const container = containers.find(({ at, magic }) => recording.subarray(at, at + magic.length).equals(magic));
  return container ? decodeContainer(recording, container.name, signal) : decodePcm(recording, pcm);
}

function decodePcm(recording: Buffer, { sampleRateHz, channels }: PcmFormat): Int16Array {
  if (!Number.isInteger(sampleRateHz) || sampleRateHz < 8_000 || sampleRateHz > 96_000)
    throw new UnheardError('its attribute sampleRate must be a number of hertz from 8000 to 96000');
  if (channels !== 1 && channels !== 2) throw new UnheardError('its attribute channels must be 1 or 2');
  const samples = lastOf(mono(recording, channels), (sampleRateHz * longestMs) / 1_000);
  if (sampleRateHz === heardRateHz || samples.length === 0) return samples;
  const resampler = new AudioResampler(sampleRateHz, heardRateHz, 1);
  try {
    const frame = new AudioFrame(samples, sampleRateHz, 1, samples.length);
    return joined([...resampler.push(frame), ...resampler.flush()].map(({ data }) => data));
  } finally {
    resampler.close();
  }
}

/** The mean of the channels; what is left of a sample at the end is dropped. */
function mono(recording: Buffer, channels: 1 | 2): Int16Array {
  const samples = new Int16Array(Math.floor(recording.length / (2 * channels)));
  for (let index = 0; index < samples.length; index += 1) {
    const left = recording.readInt16LE(2 * channels * index);
    samples[index] = channels === 1 ? left : (left + recording.readInt16LE(4 * index + 2)) >> 1;
  }
  return samples;
}

async function decodeContainer(recording: Buffer, container: string, signal: AbortSignal): Promise<Int16Array> {
  const ffmpeg = bundledFfmpeg();
  if (!ffmpeg) throw new UnheardError('there is no ffmpeg for this platform among the packages of the framework');
  // The container is named and only the pipe may be read: what is received can't lead ffmpeg to files or hosts.
  const args = ['-hide_banner', '-loglevel', 'quiet', '-protocol_whitelist', 'pipe', '-f', container, '-i', 'pipe:0'];
  const output = ['-vn', '-sn', '-dn', '-ac', '1', '-ar', String(heardRateHz), '-f', 's16le', 'pipe:1'];
  const child = spawn(ffmpeg, [...args, ...output], {
    stdio: ['pipe', 'pipe', 'ignore'],
    signal,
    killSignal: 'SIGKILL',
  });
  const failed = new Promise<never>((_, reject) => child.once('error', reject));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  // It may end before it has read everything.
  child.stdin.on('error', () => {});
  child.stdin.end(recording);
  try {
    const decoded = await Promise.race([failed, lastBytes(child.stdout, longestSamples * 2)]);
    const code = await Promise.race([failed, ended]);
    if (code !== 0 || decoded.length === 0)
      throw new UnheardError(`nothing that can be decoded is in its ${container} container`);
    return mono(decoded, 1);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof UnheardError) throw error;
    throw new UnheardError('the ffmpeg of the framework could not be run');
  }
}

async function lastBytes(stream: AsyncIterable<Buffer>, count: number): Promise<Buffer> {
  let kept: Buffer[] = [];
  let length = 0;
  for await (const piece of stream) {
    kept.push(piece);
    length += piece.length;
    // Now and then, so that a long recording takes no more memory than twice what is kept.
    if (length < 2 * count) continue;
    kept = [Buffer.concat(kept).subarray(-count)];
    length = count;
  }
  return Buffer.concat(kept).subarray(-count);
}

/** Path of the ffmpeg that belongs to the framework: a package of its, and none of ours. */
function bundledFfmpeg(): string | undefined {
  try {
    const framework = createRequire(createRequire(import.meta.url).resolve('@livekit/agents'));
    return (framework('@livekit/av') as { getFfmpegPath(): string | undefined }).getFfmpegPath();
  } catch {
    return undefined;
  }
}

function lastOf(samples: Int16Array, count: number): Int16Array {
  return samples.length > count ? samples.slice(-count) : samples;
}

function joined(pieces: readonly Int16Array[]): Int16Array {
  const samples = new Int16Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    samples.set(piece, at);
    at += piece.length;
  }
  return samples;
}
