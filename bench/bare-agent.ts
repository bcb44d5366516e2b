import { defineAgent, inference, type VAD, voice } from '@livekit/agents';
import { loadWorkerConfig } from '../core/config/worker.ts';
import { createLLM, createSTT, createTTS } from '../providers/index.ts';

/**
 * The framework as its documentation starts one: our adapters, its defaults. The one thing set is the end of turn by VAD,
 * as its default detector can't judge synthetic speech.
 */
export default defineAgent<{ vad: VAD }>({
  prewarm(process_) {
    process_.userData.vad = new inference.VAD({ model: 'silero' });
  },
  async entry(ctx) {
    const { vendors } = loadWorkerConfig(process.env);
    const session = new voice.AgentSession({
      stt: createSTT(vendors),
      llm: createLLM(vendors),
      tts: createTTS(vendors),
      vad: ctx.proc.userData.vad,
      turnHandling: { turnDetection: 'vad', interruption: { mode: 'vad' } },
    });
    session.on(voice.AgentSessionEventTypes.Close, () => ctx.shutdown('closed'));
    await ctx.connect();
    await session.start({ agent: new voice.Agent({ instructions: 'Answer in one short sentence.' }), room: ctx.room });
  },
});
