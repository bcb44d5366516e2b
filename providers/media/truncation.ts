import type { AudioFormat } from '../../domain/transcription.ts';

/** Where a container says that it ends, in bytes; null where it doesn't say. */
type StatedEnd = (file: DataView) => number | null;

/**
 * Whether a file is shorter than it says, as after an upload that broke off. Recordings that were written as they came don't
 * know their length, and MP3 never says it: of those this finds nothing.
 */
export function isTruncated(format: AudioFormat, bytes: Uint8Array): boolean {
  const end = statedEnds[format](new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  return end !== null && end > bytes.byteLength;
}

const statedEnds: Record<AudioFormat, StatedEnd> = { wav: riffEnd, mp3: () => null, webm: segmentEnd, m4a: boxesEnd };

/** Programs that write to a pipe put these where the length belongs. */
const unknownRiffSizes: ReadonlySet<number> = new Set([0, 0x7fff_ffff, 0xffff_ffff]);

/** RIFF (Microsoft, Multimedia Programming Interface 1.0): the size of all that follows stands behind the first four letters. */
function riffEnd(file: DataView): number | null {
  const size = file.getUint32(4, true);
  return unknownRiffSizes.has(size) || size >= 0x7fff_f000 ? null : 8 + size;
}

/** ISO/IEC 14496-12, section 4.2: boxes follow each other; size 1 means that 64 bits follow, 0 that the box goes on to the end. */
function boxesEnd(file: DataView): number | null {
  let at = 0;
  while (at + 8 <= file.byteLength) {
    const size = file.getUint32(at);
    if (size === 0) return null;
    if (size === 1 && at + 16 > file.byteLength) return at + 16;
    const length = size === 1 ? Number(file.getBigUint64(at + 8)) : size;
    // No box is shorter than its header: what comes here is not one.
    if (length < 8) return null;
    at += length;
  }
  return at;
}

const ebmlHeaderId = 0x1a45dfa3;
const segmentId = 0x18538067;

/** RFC 8794, section 4: an EBML header, and then the Segment that holds everything (RFC 9559). All bits set: unknown length. */
function segmentEnd(file: DataView): number | null {
  if (file.getUint32(0) !== ebmlHeaderId) return null;
  const header = dataSize(file, 4);
  if (!header) return null;
  const segmentAt = header.end + header.size;
  if (segmentAt + 5 > file.byteLength) return segmentAt + 5;
  if (file.getUint32(segmentAt) !== segmentId) return null;
  const segment = dataSize(file, segmentAt + 4);
  return segment && segment.end + segment.size;
}

/** RFC 8794, section 6: the zeros before the first bit that is set tell how many more bytes there are. Null: unknown. */
function dataSize(file: DataView, at: number): { size: number; end: number } | null {
  const first = file.getUint8(at);
  const length = Math.clz32(first) - 23;
  if (length > 8 || at + length > file.byteLength) return null;
  let size = first & (0xff >> length);
  let isUnknown = size === 0xff >> length;
  for (let index = 1; index < length; index += 1) {
    const byte = file.getUint8(at + index);
    isUnknown &&= byte === 0xff;
    size = size * 256 + byte;
  }
  return isUnknown ? null : { size, end: at + length };
}
