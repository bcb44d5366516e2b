import { describe, expect, it, vi } from 'vitest';
import { assetPath } from '../../core/assets.ts';
import { OpenAIRealtimeModel } from '../../providers/realtime/openai.ts';
import { loadLines } from '../../sandbox/deepgram.ts';
import { openaiRealtimeStandIn } from '../../sandbox/openai-realtime-socket.ts';
import { startSandbox } from '../../sandbox/server.ts';
import type { Line } from '../../sandbox/speech/lines.ts';
import { RealtimeCaller } from './realtime-caller.ts';
import { describeRealtimeContract } from './realtime-suite.ts';

const until = (check: () => void) => vi.waitFor(check, { timeout: 8_000, interval: 20 });

describeRealtimeContract('OpenAI Realtime', {
  vendor: 'openai',
  standIn: openaiRealtimeStandIn,
  create: ({ baseUrl, turns, ...settings }) =>
    new OpenAIRealtimeModel({
      apiKey: 'a-key',
      baseUrl: `${baseUrl}/openai/v1`,
      model: 'gpt-realtime',
      voice: 'marin',
      ...(turns === 'manual' && { turnDetection: null }),
      ...settings,
    }),
});

describe('OpenAI Realtime, whose words are written down late', () => {
  it('loses neither the words nor their place when the connection is lost after the reply, and says nothing twice', async () => {
    const lines = await loadLines(assetPath('sandbox', 'lines'));
    const spoken = lines.find(({ id }) => id === 'en-name') as Line;
    const sandboxes = [await startSandbox([openaiRealtimeStandIn(lines)])];
    const port = Number(new URL(sandboxes[0]?.url ?? '').port);
    const delays = { llmFirstTokenMs: 20, ttsFirstAudioMs: 20, transcriptionMs: 20_000 };
    for (const { settings } of sandboxes) settings.delays = { ...settings.delays, ...delays };
    const baseUrl = `http://127.0.0.1:${port}/openai/v1`;
    const model = new OpenAIRealtimeModel({ apiKey: 'a-key', baseUrl, model: 'gpt-realtime', voice: 'marin' });
    const caller = new RealtimeCaller(model);
    try {
      caller.say(spoken.samples);
      await until(() => expect(caller.texts).toEqual([`I heard: ${spoken.text}.`]));
      expect(caller.transcripts).toEqual([]);
      await sandboxes[0]?.close();
      sandboxes.push(await startSandbox([openaiRealtimeStandIn(lines)], { port }));
      await until(() => expect(caller.transcripts).toEqual([spoken.text]));
      const messages = caller.session.chatCtx.items.filter((item) => item.type === 'message');
      expect(messages.map(({ id, rawTextContent }) => [id, rawTextContent])).toEqual([
        [caller.finals[0]?.itemId, spoken.text],
        [caller.replies[0]?.messageIds[0], `I heard: ${spoken.text}.`],
      ]);
      expect(caller.speech).toEqual(['started', 'stopped']);
      expect(sandboxes[1]?.log.events({ event: 'request-received' })).toEqual([]);
      expect(sandboxes.flatMap(({ log }) => log.events({ event: 'unexpected-request' }))).toEqual([]);
      expect(sandboxes.flatMap(({ log }) => log.events({ event: 'event-refused' }))).toEqual([]);
    } finally {
      await model.close();
      await sandboxes.at(-1)?.close();
    }
  });
});
