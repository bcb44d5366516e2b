import {
  type AudioCodec,
  BufferTarget,
  EncodedAudioPacketSource,
  EncodedPacket,
  Mp4OutputFormat,
  Output,
  type OutputFormat,
  WebMOutputFormat,
} from 'mediabunny';
import type { AudioFormat } from '../../domain/transcription.ts';

/** Where a mark is put between the packets of a recording; the stand-in of the recogniser knows texts by marks. */
export interface Mark {
  atSeconds: number;
  mark: string;
}

/** A recording that nothing can play: its packets hold marks instead of coded sound. */
export interface SyntheticRecording {
  seconds: number;
  marks?: readonly Mark[];
  /** Packets that start here are a tenth of the size, as an encoder of variable bit rate makes them of silence. */
  quiet?: { fromSeconds: number; toSeconds: number };
}

/** Makes a recording in one of the formats that can't be listened to here. */
export async function syntheticRecording(
  format: Exclude<AudioFormat, 'wav'>,
  recording: SyntheticRecording,
): Promise<Uint8Array> {
  if (format === 'mp3') return mp3(recording);
  return format === 'webm'
    ? muxed(new WebMOutputFormat(), { codec: 'opus', packetSeconds: 0.02, decoderConfig: opus }, recording)
    : muxed(new Mp4OutputFormat(), { codec: 'aac', packetSeconds: 1_024 / 16_000, decoderConfig: aac }, recording);
}

/** 16-bit mono samples as a WAV file. */
export function wavFile(samples: Int16Array, sampleRateHz = 16_000): Uint8Array {
  const bytes = Buffer.alloc(44 + samples.byteLength);
  bytes.write('RIFF', 0, 'latin1');
  bytes.writeUInt32LE(36 + samples.byteLength, 4);
  bytes.write('WAVEfmt ', 8, 'latin1');
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20);
  bytes.writeUInt16LE(1, 22);
  bytes.writeUInt32LE(sampleRateHz, 24);
  bytes.writeUInt32LE(sampleRateHz * 2, 28);
  bytes.writeUInt16LE(2, 32);
  bytes.writeUInt16LE(16, 34);
  bytes.write('data', 36, 'latin1');
  bytes.writeUInt32LE(samples.byteLength, 40);
  bytes.set(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength), 44);
  return bytes;
}

/** OpusHead (RFC 7845, section 5.1): version 1, one channel, 48 kHz. */
const opus = {
  codec: 'opus',
  sampleRate: 48_000,
  numberOfChannels: 1,
  description: Buffer.from('4f707573486561640101380180bb0000000000', 'hex'),
};
/** AudioSpecificConfig (ISO/IEC 14496-3): AAC-LC, 16 kHz, one channel. */
const aac = { codec: 'mp4a.40.2', sampleRate: 16_000, numberOfChannels: 1, description: Buffer.from('1408', 'hex') };

const packetBytes = 80;

async function muxed(
  format: OutputFormat,
  coding: { codec: AudioCodec; packetSeconds: number; decoderConfig: AudioDecoderConfig },
  { seconds, marks = [], quiet }: SyntheticRecording,
): Promise<Uint8Array> {
  const output = new Output({ format, target: new BufferTarget() });
  const source = new EncodedAudioPacketSource(coding.codec);
  output.addAudioTrack(source);
  await output.start();
  const count = Math.round(seconds / coding.packetSeconds);
  for (let index = 0; index < count; index += 1) {
    const from = index * coding.packetSeconds;
    const isQuiet = quiet && from >= quiet.fromSeconds && from < quiet.toSeconds;
    const data = Buffer.alloc(isQuiet ? packetBytes / 10 : packetBytes, 1);
    const mark = marks.find(({ atSeconds }) => atSeconds >= from && atSeconds < from + coding.packetSeconds);
    if (mark) data.write(mark.mark, 1, 'latin1');
    const packet = new EncodedPacket(data, 'key', from, coding.packetSeconds);
    await source.add(packet, { decoderConfig: coding.decoderConfig });
  }
  await output.finalize();
  return new Uint8Array(output.target.buffer as ArrayBuffer);
}

/** Frames of MPEG-2 layer III (ISO/IEC 13818-3), 32 kbit/s at 16 kHz: a header, and then zeros, which is silence. */
const mp3Frame = { bytes: 144, seconds: 576 / 16_000, header: Buffer.from('fff348c4', 'hex') };

function mp3({ seconds, marks = [] }: SyntheticRecording): Uint8Array {
  const frames = Buffer.alloc(Math.round(seconds / mp3Frame.seconds) * mp3Frame.bytes);
  for (let at = 0; at < frames.length; at += mp3Frame.bytes) frames.set(mp3Frame.header, at);
  for (const { atSeconds, mark } of marks) {
    frames.write(mark, Math.floor(atSeconds / mp3Frame.seconds) * mp3Frame.bytes + 40, 'latin1');
  }
  return frames;
}
