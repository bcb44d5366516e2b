import { setTimeout as sleep } from 'node:timers/promises';
import { AutoSubscribe, type JobContext, type stt, type VAD, voice } from '@livekit/agents';
import type { McpServerConfig } from '../core/config/mcp.ts';
import type { TurnsConfig } from '../core/config/worker.ts';
import type { Log } from '../core/log.ts';
import { type Recovery, topics } from '../domain/conversation.ts';
import type { Pack } from '../domain/normalization/pack.ts';
import type { CallEnding, Claim } from '../domain/session.ts';
import type { FallbackEvent } from '../providers/fallback/event.ts';
import type { Backend } from './backend.ts';
import type { AgentName, Call, CallSession } from './call.ts';
import { CallVendors, type VendorMakers } from './call-vendors.ts';
import { readDispatch } from './dispatch.ts';
import { CallTools } from './mcp/call-tools.ts';
import { onServerData, roomTeller, transcriptWriter } from './room.ts';
import { rosterAgent } from './roster/roster.ts';
import { CallMeter } from './telemetry/call-meter.ts';
import type { JobTelemetry } from './telemetry/job-telemetry.ts';
import { Apologies } from './turns/apologize.ts';
import { BargeIn } from './turns/barge-in.ts';
import { boundCall } from './turns/call-length.ts';
import { followPauses } from './turns/endpointing.ts';
import { heardRateHz } from './turns/hearing.ts';
import { LineCache } from './turns/line-cache.ts';
import { isUnknown, NormalizedSTT, normalizeText } from './turns/normalize.ts';
import { fixedLines, phrases, urgentLines } from './turns/phrases.ts';
import { playoutOf } from './turns/playout.ts';
import { PreConnectAudio } from './turns/pre-connect.ts';
import { pronounce } from './turns/pronounce.ts';
import { registerTurnMethods } from './turns/push-to-talk.ts';
import { TurnRecord } from './turns/record.ts';
import { recordLines } from './turns/repeated-lines.ts';
import { endingOf, goOn, historyOf, keepCheckpoints } from './turns/resume.ts';
import { seldom } from './turns/seldom.ts';
import { ShownText } from './turns/shown-text.ts';
import { speakable } from './turns/speakable.ts';
import { speculationDefaults } from './turns/speculate.ts';
import { SpeechRoute } from './turns/speech-route.ts';
import type { AgentOptions } from './turns/spoken-agent.ts';
import { reminderTelling } from './turns/tell-reminders.ts';
import { textInputHandler } from './turns/text-input.ts';
import { ThinkingPauses } from './turns/thinking-pauses.ts';
import { TranscriptPace } from './turns/transcript-pace.ts';
import { turnHandling } from './turns/turn-handling.ts';
import { Vocabulary } from './turns/vocabulary.ts';
import { TurnWatch } from './turns/watchdog.ts';

/** What a job process brings to each call. */
export interface CallDependencies {
  telemetry: JobTelemetry;
  backend: Backend;
  vendors: VendorMakers;
  mcpServers: readonly McpServerConfig[];
  vad: VAD;
  packs: readonly Pack[];
  turns: TurnsConfig;
  /** Folder of recordings of the lines that repeat; absent: they are kept for the call alone. */
  speechCacheDir?: string;
  log: Log;
}

/** Echo cancellers settle in about a second; until then an agent could interrupt itself. */
const echoWarmupMs = 1_000;
/** Audio that is on its way to the room can't be called back: a short queue lets a person cut in sooner. */
const playoutQueueMs = 100;
/** A recogniser that takes longer than this after the end of speech is away, and the caller is told. */
const transcriptionTimeoutMs = 4_000;
/** Every reply that is begun ahead of a turn meets the same failure: the same news is told once in this time. */
const fallbackNewsMs = 5_000;
/** A call begins without the words of its person and tenant rather than wait longer for them. */
const lexiconPatienceMs = 1_000;

/**
 * One call from claim to end: proves to the API which room this job is in, joins it, runs the agents, keeps the record, and
 * ends the job with the session. A job that comes second to a living one leaves without entering the room.
 */
export async function runCall(ctx: JobContext, dependencies: CallDependencies): Promise<void> {
  const { backend, log } = dependencies;
  let ending: CallEnding = 'failed';
  ctx.addShutdownCallback(() => backend.close(ending));
  ctx.addShutdownCallback(() => dependencies.telemetry.close());

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
  const meter = new CallMeter(dependencies.telemetry.reporter);
  const spoken = claim.session.modality === 'voice';
  const early = spoken && new PreConnectAudio({ room: ctx.room, identity: claim.participantIdentity, log });
  // It takes longer than what is made ready meanwhile; its failure is met below. The microphone is subscribed to later.
  const connecting = ctx.connect(undefined, AutoSubscribe.SUBSCRIBE_NONE);
  connecting.catch(() => {});
  const dispatch = readDispatch(ctx.job.metadata);
  const { resume } = claim;
  const first = resume?.agent ?? dispatch.agent;
  const vendors = new CallVendors({
    makers: dependencies.vendors,
    tenant: claim.vendors,
    decorate: normalized,
    onFallback: seldom(fallbackNewsMs, ({ port, from, to, reason }: FallbackEvent) =>
      recovered({ kind: 'fallback', port, from, to, reason }),
    ),
    onRequest: (chatCtx, times) => record.stopwatch.requestMade(chatCtx, times),
    log,
  });
  const speech = spoken ? { stt: vendors.stt(first), tts: vendors.tts(first) } : undefined;
  speech?.tts.prewarm();
  const lines = new LineCache({
    folder: dependencies.speechCacheDir,
    voice: vendors.voiceOf(first),
    lines: fixedLines,
  });
  const tell = roomTeller(ctx.room, claim.participantIdentity, log);
  const lexicon = Promise.race([vocabulary.reload(), sleep(lexiconPatienceMs)]);
  const [{ profile, onboarding, turns }] = await Promise.all([backend.context(), lexicon, lines.load()]);
  const tools = new CallTools({
    servers: dependencies.mcpServers,
    log,
    onCalled: (server, tool, outcome) => meter.toolCalled({ server, tool, outcome }),
  });
  ctx.addShutdownCallback(() => tools.close());
  const agent = (name: AgentName, options: AgentOptions) =>
    rosterAgent(name, { ...vendors.differing(name, first, spoken), outsideTools: tools.of(name), ...options });
  const route = new SpeechRoute({
    members: spoken ? vendors.realtime(first) : [],
    health: dependencies.vendors.health,
    agent,
    recovered,
  });
  const call: Call = {
    backend,
    profile,
    onboarding,
    language: dispatch.language ?? profile.language ?? 'en',
    heardLanguage: '',
    vocabulary,
    lines: spoken ? lines : undefined,
    shown: new ShownText(),
    recovered,
    tell,
    keepTurn: (turn) => record.unanswered(turn),
    agent: (name, chatCtx) => agent(name, { chatCtx, ...route.agentOptions(name) }),
  };
  const detection = dispatch.turnDetection ?? dependencies.turns.detection;
  const keyTerms = () => vocabulary.keyTerms(turns.map(({ text }) => text));

  const session: CallSession = new voice.AgentSession<Call>({
    userData: call,
    llm: vendors.llm(first),
    stt: speech?.stt,
    tts: speech?.tts,
    vad: spoken ? dependencies.vad : null,
    keytermsOptions: { keyterms: keyTerms() },
    ttsTextTransforms: [
      speakable(() => call.heardLanguage || call.language),
      pronounce(() => vocabulary.pronunciation(call.heardLanguage || call.language)),
    ],
    useTtsAlignedTranscript: false,
    aecWarmupDuration: echoWarmupMs,
    transcriptionTimeout: transcriptionTimeoutMs,
    userAwayTimeout: dependencies.turns.userAwayMs / 1_000,
    turnHandling: turnHandling({
      spoken,
      detection,
      turns: dependencies.turns,
      language: () => call.heardLanguage || call.language,
    }),
    connOptions: {
      // The framework ends a call on the first failure it deems final; a vendor's bad minute must not.
      sttConnOptions: { maxRetry: 1_000, retryIntervalMs: 500, timeoutMs: 10_000 },
      llmConnOptions: { maxRetry: 3, retryIntervalMs: 250, timeoutMs: 5_000 },
      ttsConnOptions: { maxRetry: 2, retryIntervalMs: 250, timeoutMs: 5_000 },
      maxUnrecoverableErrors: 1_000,
    },
  });
  const record = new TurnRecord(session, {
    append: (turn) => backend.appendTurn(turn),
    report(report, times) {
      tell(topics.turnReport, report);
      meter.answered(report);
      dependencies.telemetry.spans?.answered(report, times);
    },
  });
  call.stopwatch = record.stopwatch;
  record.stopwatch.onSpeculations = (speculations) => meter.speculated(speculations);
  meter.follow(session);
  keepCheckpoints(session);
  adoptKeyTerms = () => session.updateOptions({ keyterms: keyTerms() });
  onServerData(ctx.room, topics.lexicon, () => void vocabulary.reload());
  const quietMs = dependencies.turns.endpointingMaxDelayMs;
  onServerData(ctx.room, topics.reminder, reminderTelling({ session, spoken, quietMs, log }));
  const bargeIn = new BargeIn(session, {
    echoWarmupMs,
    manual: detection === 'manual',
    onResumed: () => meter.resumed(),
  });
  if (spoken) call.pauses = new ThinkingPauses(session);
  if (call.pauses && dependencies.turns.endpointingMode === 'dynamic')
    followPauses(session, call.pauses, dependencies.turns);
  const apologies = new Apologies(session, call, { log, recovered, write: transcriptWriter(ctx.room, log) });
  call.watch = new TurnWatch(session, {
    ...dependencies.turns,
    onSilence: () => {
      if (!route.leave('timeout')) apologies.silence();
    },
  });
  route.follow(session);
  const pace = new TranscriptPace(session);
  session.on(voice.AgentSessionEventTypes.Close, ({ reason }) => {
    if (ending === 'failed') ending = endingOf(reason);
    ctx.shutdown(String(reason));
  });

  const past = resume ? { chatCtx: historyOf(turns), resumed: true } : {};
  const opening = agent(first, { ...route.agentOptions(first), ...past });
  // Before the session starts, or its first words and its state never reach the room.
  await connecting;
  // The concierge is greeted for below; the others open the conversation themselves, which an empty room would not hear.
  if (first !== 'concierge') await ctx.waitForParticipant(claim.participantIdentity);
  const starting = session.start({
    agent: opening,
    room: ctx.room,
    inputOptions: {
      participantIdentity: claim.participantIdentity,
      audioEnabled: spoken,
      audioSampleRate: heardRateHz,
      textInputCallback: textInputHandler({
        tooLong: phrases.tooLong[call.language],
        normalize: (text) => normalizeText(vocabulary.normalizers, text),
        onMessage: (message, arrivedAtMs) => {
          tell(topics.transcriptDetail, { ...message, typed: true });
          pace.typed();
          if (call.listener) call.listener.typed(message);
          else record.typed(message, arrivedAtMs);
          return call.listener !== undefined;
        },
      }),
    },
    outputOptions: { audioEnabled: spoken, queueSizeMs: playoutQueueMs },
  });
  await (early ? early.feed(session, starting) : starting);
  if (spoken) bargeIn.silence(playoutOf(session));
  call.shown.follow(session);
  boundCall(session, call, { callMaxMs: dependencies.turns.callMaxMs, end });
  if (spoken) {
    const manual = detection === 'manual';
    const requestFinal = () => vendors.requestFinal();
    registerTurnMethods({ session, room: ctx.room, identity: claim.participantIdentity, manual, requestFinal });
  }
  if (speech && dependencies.speechCacheDir) void recordLines(lines, speech.tts, urgentLines(call.language));
  await ctx.waitForParticipant(claim.participantIdentity);
  if (resume) goOn(session, opening, turns);
  else if (first === 'concierge' && !(early && (await early.hasSpoken(session))))
    opening.open(phrases.greeting[call.language](profile.preferredName));

  function end(): void {
    ending = 'person-left';
    void ctx.deleteRoom();
  }

  function recovered(recovery: Recovery): void {
    log.warn(recovery, 'the call goes on by other means');
    tell(topics.recovery, recovery);
    meter.recovered(recovery);
  }

  function normalized(recogniser: stt.STT): stt.STT {
    return new NormalizedSTT({
      stt: recogniser,
      normalizers: () => vocabulary.normalizers,
      isListening: (text) => !call.listener && bargeIn.isListening(text),
      speculation: dependencies.turns.speculation === 'interim' ? speculationDefaults : undefined,
      onTranscript: (transcript) => {
        if (!transcript.final) return;
        const { final, language, ...detail } = transcript;
        if (!isUnknown(language)) call.heardLanguage = language;
        if (call.listener) call.listener.heard(transcript);
        else record.heard(detail);
        tell(topics.transcriptDetail, { ...detail, typed: false });
      },
    });
  }
}
