import { defineAgent, inference, type VAD, voice } from '@livekit/agents';
import { loadWorkerConfig } from '../core/config/worker.ts';
import { AnthropicLLM } from '../providers/llm/anthropic.ts';
import { DeepgramSTT } from '../providers/stt/deepgram.ts';
import { CartesiaTTS } from '../providers/tts/cartesia.ts';

/**
 * The framework as its documentation starts one: our adapters, its defaults, among them its local end-of-turn model.
 * `BENCH_TURN_DETECTION=vad` leaves the model out, which can't judge synthetic speech well; `BENCH_GREETING` is what it says first.
 */
export default defineAgent<{ vad: VAD }>({
  prewarm(process_) {
    process_.userData.vad = new inference.VAD({ model: 'silero' });
  },
  async entry(ctx) {
    const { deepgram, anthropic, cartesia } = loadWorkerConfig(process.env).vendors.settings;
    if (!deepgram || !anthropic || !cartesia) throw new Error('the bench sets the keys of all three');
    const byVad = process.env.BENCH_TURN_DETECTION === 'vad';
    const session = new voice.AgentSession({
      stt: new DeepgramSTT(deepgram),
      llm: new AnthropicLLM(anthropic),
      tts: new CartesiaTTS(cartesia),
      vad: ctx.proc.userData.vad,
      ...(byVad && { turnHandling: { turnDetection: 'vad' as const, interruption: { mode: 'vad' as const } } }),
    });
    session.on(voice.AgentSessionEventTypes.Close, () => ctx.shutdown('closed'));
    await ctx.connect();
    await session.start({ agent: new voice.Agent({ instructions: 'Answer in one short sentence.' }), room: ctx.room });
    const greeting = process.env.BENCH_GREETING;
    if (!greeting) return;
    await ctx.waitForParticipant();
    session.say(greeting);
  },
});
