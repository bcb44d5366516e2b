import {
  type AudioCodec,
  BufferSource,
  BufferTarget,
  EncodedAudioPacketSource,
  EncodedPacketSink,
  Input,
  type InputAudioTrack,
  Logging,
  LogLevel,
  MP3,
  MP4,
  Mp3OutputFormat,
  Mp4OutputFormat,
  Output,
  type OutputFormat,
  UnsupportedInputFormatError,
  WAVE,
  WavOutputFormat,
  WEBM,
  WebMOutputFormat,
} from 'mediabunny';
import { AppError } from '../../core/errors.ts';
import type { AudioFormat, Recording, Stretch } from '../../domain/transcription.ts';
import { packetLoudness, quietestPlace, sampleLoudness } from './quiet-places.ts';
import { isTruncated } from './truncation.ts';

// Its warnings quote what is in the file.
Logging.level = LogLevel.Silent;

const formats = new Map<unknown, { format: AudioFormat; output: () => OutputFormat }>([
  [WAVE, { format: 'wav', output: () => new WavOutputFormat() }],
  [MP3, { format: 'mp3', output: () => new Mp3OutputFormat() }],
  [WEBM, { format: 'webm', output: () => new WebMOutputFormat() }],
  [MP4, { format: 'm4a', output: () => new Mp4OutputFormat({ fastStart: 'in-memory' }) }],
]);

/** OpenAI refuses what is shorter ("Minimum audio length is 0.1 seconds"). */
const shortestSeconds = 0.1;
/** The largest file at the lowest bit rate of speech, 6 kbit/s, has more: only a damaged one says so. */
const longestSeconds = 12 * 3_600;
/** A segment ends at the quietest place in its last part, of this length at most. */
const searchSeconds = 15;

/** How a recording is divided. */
export interface DivisionOptions {
  /** No segment is longer. */
  longestSegmentSeconds: number;
}

/**
 * Looks through a recording: what it is by its content, how long, and where to divide it. Nothing is decoded: packets are
 * copied as they are. For a thread of its own: a file that was made for it can keep a reader busy, or fill its memory.
 * @throws AppError `unsupported_type` for what is none of the four formats, `invalid_input` when there is nothing in it, or
 * not all of it is there.
 */
export async function readRecording(bytes: Uint8Array, options: DivisionOptions): Promise<Recording> {
  if (!bytes.byteLength) throw AppError.field('file', 'is empty');
  const input = new Input({ formats: [WAVE, MP3, WEBM, MP4], source: new BufferSource(bytes) });
  try {
    return await opened(input, bytes, options);
  } catch (error) {
    input.dispose();
    throw refusalOf(error);
  }
}

async function opened(input: Input, bytes: Uint8Array, options: DivisionOptions): Promise<Recording> {
  const known = formats.get(await input.getFormat());
  if (!known) throw new UnsupportedInputFormatError();
  if (isTruncated(known.format, bytes)) throw AppError.field('file', 'ends before its end: send all of it');
  const track = await input.getPrimaryAudioTrack();
  if (!track) throw AppError.field('file', 'has no audio in it, or is damaged');
  const codec = await readableCodec(track, known.output());
  const sink = new EncodedPacketSink(track);
  const durationSeconds = await track.computeDuration();
  const last = await sink.getPacket(Number.POSITIVE_INFINITY);
  if (!last || !(durationSeconds <= longestSeconds)) throw AppError.field('file', 'is damaged');
  if (durationSeconds < shortestSeconds) throw AppError.field('file', `is shorter than ${shortestSeconds} s`);

  const cuts = await cutsOf(sink, {
    durationSeconds,
    longestSegmentSeconds: options.longestSegmentSeconds,
    loudness: codec === 'pcm-s16' ? sampleLoudness : packetLoudness,
  });
  const borders = [0, ...cuts, durationSeconds];
  const segments = borders
    .slice(1)
    .map((endSeconds, index) => ({ startSeconds: borders[index] as number, endSeconds }));
  // A picture, as in a video, is left out by copying.
  const isWhole = segments.length === 1 && (await input.getTracks()).length === 1;
  return {
    format: known.format,
    durationSeconds,
    segments,
    read: (segment) => (isWhole ? Promise.resolve(bytes) : copied(track, codec, known.output(), segment)),
    close: () => input.dispose(),
  };
}

/** @throws AppError `unsupported_type` for a codec that its container can't be written with again, `invalid_input` for nonsense. */
async function readableCodec(track: InputAudioTrack, output: OutputFormat): Promise<AudioCodec> {
  const codec = await track.getCodec();
  if (!codec || !output.getSupportedAudioCodecs().includes(codec)) {
    throw new AppError('unsupported_type', 'file: its audio is coded in a way this service does not know');
  }
  const [sampleRateHz, channels] = [await track.getSampleRate(), await track.getNumberOfChannels()];
  if (!(sampleRateHz > 0 && channels > 0)) throw AppError.field('file', 'is damaged');
  return codec;
}

/** Where the recording is divided: at the quietest place before the longest length of a segment is reached. */
async function cutsOf(
  sink: EncodedPacketSink,
  {
    durationSeconds,
    longestSegmentSeconds,
    loudness,
  }: DivisionOptions & { durationSeconds: number; loudness: typeof packetLoudness },
): Promise<number[]> {
  const cuts: number[] = [];
  let startSeconds = 0;
  while (durationSeconds - startSeconds > longestSegmentSeconds) {
    const toSeconds = startSeconds + longestSegmentSeconds;
    const fromSeconds = toSeconds - Math.min(searchSeconds, longestSegmentSeconds / 2);
    startSeconds = (await quietestPlace(sink, { fromSeconds, toSeconds, loudness })) ?? toSeconds;
    cuts.push(startSeconds);
  }
  return cuts;
}

/** The packets that start in a segment, as a file of their own. @throws AppError `invalid_input` when they can't be read. */
async function copied(
  track: InputAudioTrack,
  codec: AudioCodec,
  format: OutputFormat,
  { startSeconds, endSeconds }: Stretch,
): Promise<Uint8Array> {
  const output = new Output({ format, target: new BufferTarget() });
  try {
    const sink = new EncodedPacketSink(track);
    const source = new EncodedAudioPacketSource(codec);
    const decoderConfig = (await track.getDecoderConfig()) ?? undefined;
    output.addAudioTrack(source);
    await output.start();
    let count = 0;
    for await (const packet of sink.packets((await sink.getPacket(startSeconds)) ?? undefined)) {
      if (packet.timestamp >= endSeconds) break;
      const timestamp = Math.max(0, packet.timestamp - startSeconds);
      await source.add(packet.clone({ timestamp }), count === 0 ? { decoderConfig } : undefined);
      count += 1;
    }
    if (count === 0) throw AppError.field('file', 'is damaged');
    await output.finalize();
  } catch (error) {
    throw refusalOf(error);
  }
  return new Uint8Array(output.target.buffer ?? new ArrayBuffer(0));
}

/** What a reader of the format throws tells a person nothing: its messages are about bytes. */
function refusalOf(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof UnsupportedInputFormatError) {
    return new AppError(
      'unsupported_type',
      'file: is not a recording as WAV, MP3, WebM or M4A, whatever its name says',
    );
  }
  return new AppError('invalid_input', 'file: is damaged', {
    faults: [{ field: 'file', message: 'is damaged' }],
    cause: error,
  });
}
