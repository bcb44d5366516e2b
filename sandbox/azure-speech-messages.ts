import type { RawData } from 'ws';

/** One message of the speech service's WebSocket protocol; names of headers are in lower case. */
export interface SpeechMessage {
  path: string;
  requestId: string;
  headers: Record<string, string>;
  /** Text of a text message, bytes of a binary one. */
  text: string;
  bytes: Buffer;
}

/**
 * Takes a message apart: in a text message an empty line ends the headers, a binary one begins with their length in two
 * bytes, the higher first (learn.microsoft.com/azure/cognitive-services/speech/api-reference-rest/websocketprotocol).
 * Undefined for what is no such message.
 */
export function parseMessage(data: RawData, isBinary: boolean): SpeechMessage | undefined {
  const raw = Buffer.isBuffer(data) ? data : Buffer.concat(Array.isArray(data) ? data : [Buffer.from(data)]);
  if (isBinary && raw.length < 2) return undefined;
  const start = isBinary ? 2 : 0;
  const separator = raw.indexOf('\r\n\r\n');
  const end = isBinary ? 2 + raw.readUInt16BE(0) : separator < 0 ? raw.length : separator;
  if (end > raw.length) return undefined;
  const headers: Record<string, string> = {};
  for (const line of raw.toString('utf8', start, end).split('\r\n').filter(Boolean)) {
    const colon = line.indexOf(':');
    if (colon < 1) return undefined;
    headers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim();
  }
  const { path, 'x-requestid': requestId } = headers;
  if (!path || !requestId) return undefined;
  const bytes = raw.subarray(isBinary ? end : Math.min(end + 4, raw.length));
  return { path: path.toLowerCase(), requestId, headers, bytes, text: isBinary ? '' : bytes.toString('utf8') };
}

/** A text message with a JSON body. */
export function jsonMessage(path: string, requestId: string, body: object): string {
  const headers = [`X-RequestId:${requestId}`, 'Content-Type:application/json; charset=utf-8', `Path:${path}`];
  return `${headers.join('\r\n')}\r\n\r\n${JSON.stringify(body)}`;
}

/** A binary message with audio. */
export function audioMessage(requestId: string, streamId: string, audio: Buffer): Buffer {
  const headers = Buffer.from(`X-RequestId:${requestId}\r\nX-StreamId:${streamId}\r\nPath:audio\r\n`);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(headers.length);
  return Buffer.concat([length, headers, audio]);
}

/** The JSON object in a text; undefined when there is none. */
export function jsonObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
