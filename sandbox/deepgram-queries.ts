import type { IncomingMessage } from 'node:http';

/** An HTTP answer to a handshake that is not accepted. */
export interface Refusal {
  status: number;
  code: string;
  message: string;
}

/** One of Deepgram's endpoints: the parameters it knows, and what it refuses about their values. */
export interface Endpoint {
  parameters: ReadonlySet<string>;
  faultOf(query: URLSearchParams): string | undefined;
}

/** What is answered to a key that is none. */
export const badKey: Refusal = { status: 401, code: 'INVALID_AUTH', message: 'Invalid credentials.' };

/** Deepgram takes more encodings; these ears hear only this one. */
const encodings = new Set(['linear16']);
const novaFamilies = /^(nova-3|nova-2|nova|enhanced|base)(-[a-z]+)?$/;
const fluxModels = new Set(['flux-general-en', 'flux-general-multi']);
/** developers.deepgram.com/docs/flux/language-prompting */
const fluxLanguages = new Set('en es fr de hi ru pt ja it nl'.split(' '));

/**
 * developers.deepgram.com/reference/speech-to-text/listen-streaming, with `filler_words` of developers.deepgram.com/docs and
 * `no_delay`, which LiveKit's clients always send. Neither changes what is heard here.
 */
const listen: Endpoint = {
  parameters: new Set(
    (
      'callback callback_method channels detect_entities diarize diarize_model dictation encoding endpointing extra ' +
      'filler_words interim_results keyterm keywords language mip_opt_out model multichannel no_delay numerals ' +
      'profanity_filter punctuate redact replace sample_rate search smart_format tag utterance_end_ms vad_events version'
    ).split(' '),
  ),
  faultOf(query) {
    const model = query.get('model');
    if (model && !novaFamilies.test(model)) return 'No such model/language/tier combination found.';
    if ((query.get('channels') ?? '1') !== '1') return 'Only one channel is heard here.';
    const endpointing = query.get('endpointing');
    if (endpointing && !['true', 'false'].includes(endpointing) && !isNumber(endpointing, 0, 60_000)) {
      return 'endpointing needs a number of milliseconds or false.';
    }
    const utteranceEndMs = query.get('utterance_end_ms');
    if (utteranceEndMs && (!isNumber(utteranceEndMs, 1_000, 5_000) || query.get('interim_results') !== 'true')) {
      return 'utterance_end_ms needs 1000 to 5000 and interim_results=true.';
    }
    if (query.has('keyterm') && model && !model.startsWith('nova-3')) return 'keyterm needs a Nova-3 model.';
    return undefined;
  },
};

/** developers.deepgram.com/reference/speech-to-text/listen-flux; the ranges are those of the vendor's SDK. */
const flux: Endpoint = {
  parameters: new Set(
    (
      'eager_eot_threshold encoding eot_threshold eot_timeout_ms keyterm language_hint mip_opt_out model numerals ' +
      'profanity_filter redact sample_rate tag'
    ).split(' '),
  ),
  faultOf(query) {
    const model = query.get('model') ?? '';
    if (!fluxModels.has(model)) return 'No such model found.';
    const hints = query.getAll('language_hint');
    if (hints.length > 0 && model !== 'flux-general-multi') return 'language_hint needs flux-general-multi.';
    if (hints.some((hint) => !fluxLanguages.has(hint))) return 'language_hint names a language that is not known.';
    return thresholdFault({
      eotThreshold: query.get('eot_threshold'),
      eagerEotThreshold: query.get('eager_eot_threshold'),
      eotTimeoutMs: query.get('eot_timeout_ms'),
    });
  },
};

/** The streaming endpoints by their paths. */
export const endpoints: Readonly<Record<string, Endpoint>> = { '/v1/listen': listen, '/v2/listen': flux };

/** What is wrong with Flux's settings of the end of a turn; null is a setting that is not given. */
export function thresholdFault(settings: {
  eotThreshold: string | null;
  eagerEotThreshold: string | null;
  eotTimeoutMs: string | null;
}): string | undefined {
  const { eotThreshold, eagerEotThreshold, eotTimeoutMs } = settings;
  if (eotThreshold && !isNumber(eotThreshold, 0.5, 1)) return 'eot_threshold needs 0.5 to 1.0.';
  if (eagerEotThreshold && !isNumber(eagerEotThreshold, 0.3, 0.9)) return 'eager_eot_threshold needs 0.3 to 0.9.';
  if (Number(eagerEotThreshold) > Number(eotThreshold ?? 0.7)) return 'eager_eot_threshold exceeds eot_threshold.';
  if (eotTimeoutMs && !isNumber(eotTimeoutMs, 500, 60_000)) return 'eot_timeout_ms needs 500 to 60000.';
  return undefined;
}

/** What Deepgram itself would refuse about a handshake. */
export function faultOf(request: IncomingMessage, query: URLSearchParams, endpoint: Endpoint): Refusal | undefined {
  // Browsers can't set headers: they send the scheme and the key as sub-protocols.
  const [scheme, key] = request.headers.authorization?.split(' ') ?? protocolsOf(request);
  if (!['token', 'bearer'].includes(scheme?.toLowerCase() ?? '') || !key) return badKey;
  const encoding = query.get('encoding');
  const fault =
    !encoding || !encodings.has(encoding)
      ? 'Unsupported encoding: only linear16 is heard here.'
      : isNumber(query.get('sample_rate'), 8_000, 48_000)
        ? endpoint.faultOf(query)
        : 'encoding=linear16 needs a sample_rate.';
  return fault === undefined ? undefined : { status: 400, code: 'INVALID_QUERY_PARAMETER', message: fault };
}

function protocolsOf(request: IncomingMessage): string[] {
  return (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
}

function isNumber(text: string | null, low: number, high: number): boolean {
  return text !== null && /^\d+(\.\d+)?$/.test(text) && Number(text) >= low && Number(text) <= high;
}
