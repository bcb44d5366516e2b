import { APIStatusError, initializeLogger, type tts } from '@livekit/agents';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { OpenAITTS } from '../../providers/tts/openai.ts';
import { openaiChatStandIn } from '../../sandbox/openai-chat.ts';
import { openaiSpeechStandIn } from '../../sandbox/openai-speech.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';
import { describeProbeContract } from './probe-suite.ts';
import { durationMs, hear, speaking } from './tts-caller.ts';
import { describeTtsContract } from './tts-suite.ts';

const voice = { apiKey: 'a-key', model: 'gpt-4o-mini-tts', voice: 'marin' };

describeTtsContract('OpenAITTS', {
  vendor: 'openai',
  standIn: openaiSpeechStandIn,
  create: ({ baseUrl, chunkTimeoutMs }) =>
    new OpenAITTS({ ...voice, baseUrl: `${baseUrl}/openai/v1`, timeoutMs: chunkTimeoutMs }),
  asksByPiece: true,
});

describeProbeContract('OpenAITTS', {
  vendor: 'openai',
  // The list of models is served beside the chat.
  standIn: openaiChatStandIn,
  create: (baseUrl) => new OpenAITTS({ ...voice, baseUrl: `${baseUrl}/openai/v1` }),
});

describe('OpenAITTS requests', () => {
  let sandbox: Sandbox;
  let made: OpenAITTS[];
  let errors: Error[];
  beforeEach(async () => {
    initializeLogger({ pretty: false, level: 'error' });
    made = [];
    errors = [];
    sandbox = await startSandbox([openaiSpeechStandIn]);
  });
  afterEach(async () => {
    await Promise.all(made.map((each) => each.close()));
    await sandbox.close();
  });
  const speaker = (settings: Partial<ConstructorParameters<typeof OpenAITTS>[0]> = {}) => {
    const each = new OpenAITTS({ ...voice, baseUrl: `${sandbox.url}/openai/v1`, ...settings });
    each.on('error', ({ error }: Parameters<tts.TTSCallbacks['error']>[0]) => errors.push(error));
    made.push(each);
    return each;
  };
  const events = (event: string) => sandbox.log.events({ vendor: 'openai', event });

  it('take a speed and instructions', async () => {
    const heard = await hear(speaking(speaker({ speed: 1.1, instructions: 'Calmly.' }), ['Goedemorgen.'], 0));
    expect(durationMs(heard)).toBeGreaterThan(0);
    expect(events('unexpected-request')).toEqual([]);
  });

  it('are for pieces, each asked for when the one before begins, and heard without a gap or an overlap', async () => {
    const heard = await hear(
      speaking(speaker(), ['Goedemorgen, ', 'waarmee kan ik u helpen? ', 'Zegt u het maar.'], 0),
    );
    const pieces = ['Goedemorgen, ', 'waarmee kan ik u helpen? ', 'Zegt u het maar.'];
    expect(events('context-started').map(({ transcript }) => transcript)).toEqual(pieces);
    const begins = events('first-audio-sent').map(({ atMs }) => atMs);
    for (const [index, { atMs }] of events('context-started').slice(1).entries()) {
      expect(atMs).toBeGreaterThan(Number(begins[index]));
    }
    const spoken = heard.audio.flatMap(({ timedTranscripts = [] }) => timedTranscripts);
    expect(spoken.map(({ text }) => text)).toEqual(pieces);
    expect(spoken.slice(1).map(({ startTime }) => startTime)).toEqual(
      spoken.slice(0, -1).map(({ endTime }) => endTime),
    );
    expect(spoken.at(-1)?.endTime).toBeCloseTo(durationMs(heard) / 1000, 3);
  });

  it('are closed at once by an interruption', async () => {
    const stream = speaking(speaker(), ['Goedemorgen, ', 'waarmee kan ik u helpen vandaag of morgen? '], 0);
    await stream.next();
    await vi.waitFor(() => expect(events('context-started')).toHaveLength(2));
    const closedAtMs = performance.timeOrigin + performance.now();
    stream.close();
    await vi.waitFor(() => expect(events('context-cancelled').length).toBeGreaterThan(0));
    await vi.waitFor(() => expect(events('context-cancelled').length + events('context-completed').length).toBe(2));
    for (const { atMs } of events('context-cancelled')) expect(atMs - closedAtMs).toBeLessThan(1_000);
    expect(errors).toEqual([]);
  });

  it('that are refused for good end in an error without what was to be said', async () => {
    const heard = await hear(speaking(speaker({ model: 'no-such-model' }), ['Goedemorgen.'], 2));
    expect(heard.audio).toEqual([]);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toBeInstanceOf(APIStatusError);
    expect(errors[0]).toMatchObject({ statusCode: 404, retryable: false });
    expect(errors[0]?.message).toContain('model_not_found');
    expect(String(errors[0])).not.toContain('Goedemorgen');
    expect(events('unexpected-request')).toHaveLength(1);
  });
});
