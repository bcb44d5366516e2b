import type { EncodedPacket, EncodedPacketSink } from 'mediabunny';

/** A pause between words; shorter ones are in them. */
const pauseSeconds = 0.2;

/** How loud a packet is, in a unit of its own: packets of one recording can be compared. */
export type Loudness = (packet: EncodedPacket) => number;

/** Mean magnitude of 16-bit samples, little-endian. */
export function sampleLoudness({ data }: EncodedPacket): number {
  const samples = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const count = data.byteLength >> 1;
  let sum = 0;
  for (let index = 0; index < count; index += 1) sum += Math.abs(samples.getInt16(index * 2, true));
  return sum / Math.max(count, 1);
}

/** Codecs of variable bit rate spend little on silence; with those of a constant one every place is as good. */
export function packetLoudness({ byteLength, duration }: EncodedPacket): number {
  return byteLength / Math.max(duration, Number.EPSILON);
}

/**
 * Start of the packet in the middle of the quietest pause between two moments, of equals the last one; null when no packet
 * starts there.
 */
export async function quietestPlace(
  sink: EncodedPacketSink,
  { fromSeconds, toSeconds, loudness }: { fromSeconds: number; toSeconds: number; loudness: Loudness },
): Promise<number | null> {
  const first = await sink.getPacket(fromSeconds);
  const packets: { startSeconds: number; loudness: number }[] = [];
  for await (const packet of sink.packets(first ?? undefined)) {
    if (packet.timestamp > toSeconds) break;
    if (packet.timestamp >= fromSeconds) packets.push({ startSeconds: packet.timestamp, loudness: loudness(packet) });
  }
  const spanSeconds = (packets.at(-1)?.startSeconds ?? 0) - (packets[0]?.startSeconds ?? 0);
  const width = Math.max(1, Math.round((pauseSeconds * (packets.length - 1)) / spanSeconds) || 1);
  let quietest = Number.POSITIVE_INFINITY;
  let place: number | null = null;
  let sum = 0;
  for (const [index, packet] of packets.entries()) {
    sum += packet.loudness - (packets[index - width]?.loudness ?? 0);
    const middle = packets[index - (width >> 1)];
    if (index + 1 < width || !middle || sum > quietest) continue;
    quietest = sum;
    place = middle.startSeconds;
  }
  return place;
}
