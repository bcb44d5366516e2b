import { eq } from 'drizzle-orm';
import { AppError } from '../core/errors.ts';
import { profiles } from '../db/schema/profiles.ts';
import type { UserActor } from '../domain/actor.ts';
import type { Pack } from '../domain/normalization/pack.ts';
import type { Normalizer } from '../domain/normalization/result.ts';
import type {
  FileTranscriber,
  Recording,
  Transcription,
  TranscriptionFields,
  TranscriptionProgress,
  TranscriptionSegment,
} from '../domain/transcription.ts';
import { promptOf } from '../domain/transcription-prompt.ts';
import type { Context } from './context.ts';
import { tenantRows, userRows } from './lexicon-rows.ts';
import type { Packs } from './packs.ts';
import { requirePermission } from './permissions.ts';
import { withActor } from './with-actor.ts';

/** What recordings are transcribed with. */
export interface TranscriptionTools {
  transcriber: FileTranscriber;
  /** @throws AppError `unsupported_type` and `invalid_input` for what is no recording, or not all of one. */
  openRecording(bytes: Uint8Array): Promise<Recording>;
}

/** A recording to be transcribed. */
export interface TranscriptionRequest {
  /** Takes in what the client sends; called when it is known that they may. */
  receive(): Promise<{ audio: Uint8Array; fields: TranscriptionFields }>;
  /** Aborts when nobody waits for the answer any more. */
  signal: AbortSignal;
  /** Told before and after each segment. */
  onProgress?(progress: TranscriptionProgress): void;
}

/** What is spoken, and how it is written down. */
interface Manner {
  language: string | null;
  pack: string | null;
  /** Words to expect, the most useful first. */
  terms: readonly string[];
  normalizer: Normalizer | null;
}

/**
 * What is said in a recording: each segment after the other, told how the one before it ended, and the whole in the notation of
 * the pack, with the terms of the user and their tenant. Nothing of it is stored.
 * @throws AppError `unavailable` when recordings are not transcribed here or the recogniser is away, `unsupported_type` and
 * `invalid_input` for the recording and the fields; the reason of `signal` once that aborts.
 */
export async function transcribe(
  context: Context,
  { receive, signal, onProgress = () => undefined }: TranscriptionRequest,
): Promise<Transcription> {
  const actor = requirePermission(context.actor, 'transcriptions.create');
  const { transcription: tools } = context;
  if (!tools) throw new AppError('unavailable', 'Recordings are not transcribed here: OPENAI_API_KEY is not set');
  const { audio, fields } = await receive();
  const manner = await mannerOf({ ...context, actor }, fields);
  const recording = await tools.openRecording(audio);
  try {
    const segments: TranscriptionSegment[] = [];
    for (const [index, stretch] of recording.segments.entries()) {
      const segment = index + 1;
      onProgress({ type: 'progress', segment, segments: recording.segments.length, ...stretch });
      const request = {
        audio: await recording.read(stretch),
        format: recording.format,
        language: manner.language ?? undefined,
        prompt: promptOf(
          { terms: manner.terms, prompt: fields.prompt ?? '', said: segments.at(-1)?.raw ?? '' },
          tools.transcriber.promptCharacters,
        ),
      };
      const raw = (await tools.transcriber.transcribe(request, signal)).trim();
      const finished = { ...stretch, raw, text: manner.normalizer?.normalize(raw).text ?? raw };
      segments.push(finished);
      onProgress({ type: 'segment', segment, ...finished });
    }
    return wholeOf(manner, recording.durationSeconds, segments);
  } finally {
    recording.close();
  }
}

function wholeOf(
  { language, pack, normalizer }: Manner,
  durationSeconds: number,
  segments: TranscriptionSegment[],
): Transcription {
  const raw = segments
    .map((segment) => segment.raw)
    .filter(Boolean)
    .join(' ');
  const { text, edits } = normalizer?.normalize(raw) ?? { text: raw, edits: [] };
  return { text, raw, edits, language, pack, durationSeconds, segments };
}

/** The pack that is asked for or goes with the language, and the language that is told, goes with the pack or is the user's. */
async function mannerOf(context: Context & { actor: UserActor }, fields: TranscriptionFields): Promise<Manner> {
  const { packs } = context;
  const asked = fields.pack === undefined ? undefined : packNamed(packs, fields.pack);
  if (asked && fields.language !== undefined && primary(fields.language) !== primary(asked.language)) {
    throw AppError.field('pack', `is for the language ${asked.language}, not for ${fields.language}`);
  }
  const language = fields.language ?? asked?.language ?? (await languageOf(context));
  const pack = asked ?? [...packs.values()].find((known) => language && primary(known.language) === primary(language));
  if (!pack) return { language, pack: null, terms: [], normalizer: null };
  const layers = await layersOf(context, pack.name);
  const normalizer = pack.normalizer(layers);
  const terms = [...layers.flat().map(({ canonical }) => canonical), ...normalizer.keyTerms()];
  return { language, pack: pack.name, terms, normalizer };
}

function packNamed(packs: Packs, name: string): Pack {
  const pack = packs.get(name);
  if (!pack) throw AppError.field('pack', `is not one of: ${[...packs.keys()].join(', ')}`);
  return pack;
}

async function languageOf(context: Context & { actor: UserActor }): Promise<string | null> {
  const { userId } = context.actor;
  const [profile] = await withActor(context, (tx) =>
    tx.select({ language: profiles.language }).from(profiles).where(eq(profiles.userId, userId)),
  );
  return profile?.language ?? null;
}

/** The terms of the user and of their tenant for a pack. */
function layersOf(context: Context & { actor: UserActor }, pack: string) {
  const { tenantId, userId } = context.actor;
  return withActor(context, async (tx) => [
    await userRows(context, tx, { tenantId, userId }).terms(pack),
    await tenantRows(tx, tenantId).terms(pack),
  ]);
}

/** The language of a BCP 47 tag, without region and script. */
function primary(tag: string): string | undefined {
  return tag.toLowerCase().split('-')[0];
}
