import { setTimeout as sleep } from 'node:timers/promises';
import { AutoSubscribe, inference, type JobContext, type llm, type stt, type VAD, voice } from '@livekit/agents';
import type { TurnsConfig } from '../core/config/worker.ts';
import type { Log } from '../core/log.ts';
import { topics } from '../domain/conversation.ts';
import type { Pack } from '../domain/normalization/pack.ts';
import type { Claim } from '../domain/session.ts';
import type { WarmableTTS } from '../providers/index.ts';
import type { Backend } from './backend.ts';
import type { Call, CallSession } from './call.ts';
import { readDispatch } from './dispatch.ts';
import { onServerData, roomTeller } from './room.ts';
import { rosterAgent } from './roster/roster.ts';
import { apologize } from './turns/apologize.ts';
import { yieldToWords } from './turns/barge-in.ts';
import { isUnknown, NormalizedSTT, normalizeText } from './turns/normalize.ts';
import { phrases } from './turns/phrases.ts';
import { pronounce } from './turns/pronounce.ts';
import { TurnRecord } from './turns/record.ts';
import { textInputHandler } from './turns/text-input.ts';
import { Vocabulary } from './turns/vocabulary.ts';

/** What a job process brings to each call. */
export interface CallDependencies {
  backend: Backend;
  /** Makes the vendors' adapters; speech is only made when the call has audio. */
  createLLM(): llm.LLM;
  createSpeech(): { stt: stt.STT; tts: WarmableTTS };
  vad: VAD;
  packs: readonly Pack[];
  turns: TurnsConfig;
  log: Log;
}

/** A sound shorter than this doesn't pause an agent: a click, a "hm". Words end the reply, see `turns/barge-in.ts`. */
const interruptionMinDurationMs = 250;
/** Echo cancellers settle in about a second; until then an agent could interrupt itself. */
const echoWarmupMs = 1_000;
/** A recogniser that takes longer than this after the end of speech is away, and the caller is told. */
const transcriptionTimeoutMs = 4_000;
/** A call begins without the words of its person and tenant rather than wait longer for them. */
const lexiconPatienceMs = 1_000;

/**
 * One call from claim to end: proves to the API which room this job is in, joins it, runs the agents, keeps the record, and
 * ends the job with the session. A job that comes second to a living one leaves without entering the room.
 */
export async function runCall(ctx: JobContext, dependencies: CallDependencies): Promise<void> {
  const { backend, log } = dependencies;
  let personLeft = false;
  ctx.addShutdownCallback(() => backend.close({ personLeft }));

  // Once there is a session.
  let adoptKeyTerms = () => {};
  const vocabulary = new Vocabulary({
    packs: dependencies.packs,
    load: (pack) => backend.lexicon(pack),
    onChange: () => adoptKeyTerms(),
    log,
  });
  let claim: Claim;
  try {
    claim = await backend.claim(ctx.info.token, {
      onLost: () => ctx.shutdown('another job has taken the session over'),
      onLexicon: (version) => void vocabulary.follow(version),
    });
  } catch (error) {
    log.warn({ reason: error instanceof Error ? error.message : 'unknown' }, 'the session was not given to this job');
    ctx.shutdown('the session was not given to this job');
    return;
  }
  const spoken = claim.session.modality === 'voice';
  const speech = spoken ? dependencies.createSpeech() : undefined;
  speech?.tts.prewarm();
  const [{ profile, onboarding, turns }] = await Promise.all([
    backend.context(),
    Promise.race([vocabulary.reload(), sleep(lexiconPatienceMs)]),
    // Before the session starts, or its first words and its state never reach the room.
    ctx.connect(undefined, spoken ? AutoSubscribe.AUDIO_ONLY : AutoSubscribe.SUBSCRIBE_NONE),
  ]);
  const { agent: first, language = profile.language ?? 'en' } = readDispatch(ctx.job.metadata);
  const tell = roomTeller(ctx.room, claim.participantIdentity, log);
  const call: Call = {
    backend,
    profile,
    onboarding,
    language,
    heardLanguage: '',
    vocabulary,
    tell,
    keepTurn: (turn) => record.unanswered(turn),
    agent: rosterAgent,
  };
  const keyTerms = () => vocabulary.keyTerms(turns.map(({ text }) => text));

  const session: CallSession = new voice.AgentSession<Call>({
    userData: call,
    llm: dependencies.createLLM(),
    stt:
      speech &&
      new NormalizedSTT({
        stt: speech.stt,
        normalizers: () => vocabulary.normalizers,
        onTranscript: (transcript) => {
          if (!transcript.final) return;
          const { final, language, ...detail } = transcript;
          if (!isUnknown(language)) call.heardLanguage = language;
          if (call.listener) call.listener.heard(transcript);
          else record.heard(detail);
          tell(topics.transcriptDetail, { ...detail, typed: false });
        },
      }),
    tts: speech?.tts,
    vad: spoken ? dependencies.vad : null,
    keytermsOptions: { keyterms: keyTerms() },
    ttsTextTransforms: [
      'filter_markdown',
      'filter_emoji',
      pronounce(() => vocabulary.pronunciation(call.heardLanguage || call.language)),
    ],
    useTtsAlignedTranscript: false,
    aecWarmupDuration: echoWarmupMs,
    transcriptionTimeout: transcriptionTimeoutMs,
    turnHandling: turnHandling(spoken, dependencies.turns),
    connOptions: {
      // The framework ends a call on the first failure it deems final; a vendor's bad minute must not.
      sttConnOptions: { maxRetry: 1_000, retryIntervalMs: 500, timeoutMs: 10_000 },
      maxUnrecoverableErrors: 1_000,
    },
  });
  const record = new TurnRecord(session, {
    append: (turn) => backend.appendTurn(turn),
    report: (report) => tell(topics.turnReport, report),
  });
  adoptKeyTerms = () => session.updateOptions({ keyterms: keyTerms() });
  onServerData(ctx.room, topics.lexicon, () => void vocabulary.reload());
  yieldToWords(session);
  apologize(session, call, log);
  session.on(voice.AgentSessionEventTypes.Close, ({ reason }) => {
    personLeft = reason === voice.CloseReason.PARTICIPANT_DISCONNECTED;
    ctx.shutdown(String(reason));
  });

  // The concierge is greeted for below; the others open the conversation themselves, which an empty room would not hear.
  if (first !== 'concierge') await ctx.waitForParticipant(claim.participantIdentity);
  await session.start({
    agent: rosterAgent(first),
    room: ctx.room,
    inputOptions: {
      participantIdentity: claim.participantIdentity,
      audioEnabled: spoken,
      textInputCallback: textInputHandler({
        tooLong: phrases.tooLong[call.language],
        normalize: (text) => normalizeText(vocabulary.normalizers, text),
        onMessage: (message) => {
          tell(topics.transcriptDetail, { ...message, typed: true });
          if (call.listener) call.listener.typed(message);
          else record.typed(message);
          return call.listener !== undefined;
        },
      }),
    },
    outputOptions: { audioEnabled: spoken },
  });
  await ctx.waitForParticipant(claim.participantIdentity);
  if (first === 'concierge') session.say(phrases.greeting[call.language](profile.preferredName));
}

function turnHandling(spoken: boolean, turns: TurnsConfig): voice.AgentSessionOptions['turnHandling'] {
  if (!spoken) return { turnDetection: null };
  return {
    // Named explicitly: left alone, the framework may choose detectors that run in LiveKit's cloud.
    turnDetection: turns.detection === 'model' ? new inference.TurnDetector({ version: 'v1-mini' }) : 'vad',
    interruption: { mode: 'vad', minDuration: interruptionMinDurationMs },
    endpointing: { minDelay: turns.endpointingMinDelayMs, maxDelay: turns.endpointingMaxDelayMs },
  };
}
