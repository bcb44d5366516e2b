import '../scripts/quiet.ts';
import { initializeLogger, llm, stt, tts } from '@livekit/agents';
import {
  type AudioFrame,
  AudioSource,
  AudioStream,
  dispose,
  LocalAudioTrack,
  type RemoteTrack,
  Room,
  RoomEvent,
  TrackKind,
  TrackPublishOptions,
  TrackSource,
} from '@livekit/rtc-node';
import { AnthropicLLM } from '../providers/llm/anthropic.ts';
import { DeepgramSTT } from '../providers/stt/deepgram.ts';
import { CartesiaTTS } from '../providers/tts/cartesia.ts';
import { epochMs } from '../scripts/caller.ts';

const sampleRateHz = 24_000;
const agentState = 'lk.agent.state';

interface Vendors {
  stt: DeepgramSTT;
  llm: AnthropicLLM;
  tts: CartesiaTTS;
}

/** One answer on its way: its request and its voice. */
interface Answer {
  request: llm.LLMStream;
  speech: tts.SynthesizeStream;
}

/**
 * The shortest loop there can be over the same vendors: a request at each final transcript, every token straight to the voice,
 * every frame straight to the room, everything stopped at the first sound of the person. Nobody judges whether a turn is over.
 * One process, one call: `LIVEKIT_URL` and `ROOM_TOKEN` say where, `SANDBOX_URL` where the vendors' stand-ins are.
 */
class Floor {
  readonly #room = new Room();
  readonly #source = new AudioSource(sampleRateHz, 1, 200);
  readonly #vendors: Vendors;
  readonly #conversation = llm.ChatContext.empty();
  #answer: Answer | undefined;

  constructor(vendors: Vendors) {
    this.#vendors = vendors;
  }

  async run(url: string, token: string): Promise<void> {
    const left = new Promise<void>((resolve) => {
      this.#room.on(RoomEvent.ParticipantDisconnected, () => resolve());
      this.#room.on(RoomEvent.Disconnected, () => resolve());
    });
    this.#room.on(RoomEvent.TrackSubscribed, (track: RemoteTrack) => {
      if (track.kind === TrackKind.KIND_AUDIO) void this.#listen(track);
    });
    this.#room.registerTextStreamHandler('lk.chat', async (reader) => this.#reply(await reader.readAll()));
    await this.#room.connect(url, token, { autoSubscribe: true, dynacast: false });
    const track = LocalAudioTrack.createAudioTrack('floor', this.#source);
    const publishing = new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE });
    await this.#room.localParticipant?.publishTrack(track, publishing);
    await this.#room.localParticipant?.setAttributes({ [agentState]: 'listening' });
    await left;
    this.#stop();
    await this.#room.disconnect();
  }

  async #listen(track: RemoteTrack): Promise<void> {
    const stream = this.#vendors.stt.stream();
    void this.#hear(stream);
    for await (const frame of new AudioStream(track, { sampleRate: 16_000, numChannels: 1, frameSizeMs: 20 })) {
      stream.pushFrame(frame);
    }
    stream.close();
  }

  async #hear(stream: stt.SpeechStream): Promise<void> {
    for await (const { type, alternatives } of stream) {
      const text = alternatives?.[0].text.trim() ?? '';
      if (type === stt.SpeechEventType.START_OF_SPEECH) this.#stop();
      if (type === stt.SpeechEventType.FINAL_TRANSCRIPT && text) void this.#reply(text);
    }
  }

  #stop(): void {
    this.#answer?.request.close();
    this.#answer?.speech.close();
    this.#answer = undefined;
    this.#source.clearQueue();
  }

  async #reply(text: string): Promise<void> {
    this.#stop();
    this.#conversation.addMessage({ role: 'user', content: text });
    const request = this.#vendors.llm.chat({ chatCtx: this.#conversation });
    const speech = this.#vendors.tts.stream();
    const answer = { request, speech };
    this.#answer = answer;
    void this.#speak(answer);
    const transcript = await this.#room.localParticipant?.streamText({
      topic: 'lk.transcription',
      attributes: { 'lk.segment_id': `floor-${epochMs()}`, 'lk.transcription_final': 'false' },
    });
    let said = '';
    for await (const { delta } of request) {
      if (!delta?.content || this.#answer !== answer) continue;
      said += delta.content;
      speech.pushText(delta.content);
      void transcript?.write(delta.content);
    }
    if (this.#answer === answer) speech.endInput();
    await transcript?.close();
    if (said) this.#conversation.addMessage({ role: 'assistant', content: said });
  }

  async #speak(answer: Answer): Promise<void> {
    for await (const event of answer.speech) {
      if (event === tts.SynthesizeStream.END_OF_STREAM) continue;
      if (this.#answer !== answer) return;
      await this.#source.captureFrame(event.frame as AudioFrame);
    }
  }
}

function setting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: the bench starts this program`);
  return value;
}

async function main(): Promise<void> {
  initializeLogger({ pretty: false, level: 'error' });
  const account = { apiKey: 'stand-in', baseUrl: setting('SANDBOX_URL') };
  const vendors: Vendors = {
    stt: new DeepgramSTT({ ...account, model: 'nova-3', language: 'en' }),
    llm: new AnthropicLLM({ ...account, model: 'claude-haiku-4-5' }),
    tts: new CartesiaTTS({ ...account, model: 'sonic-3', voiceId: '71a7ad14-091c-4e8e-a314-022ece01c121' }),
  };
  for (const vendor of Object.values(vendors)) vendor.on('error', () => {});
  vendors.llm.prewarm();
  vendors.tts.prewarm();
  await new Floor(vendors).run(setting('LIVEKIT_URL'), setting('ROOM_TOKEN'));
  await dispose();
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : String(error));
    process.exit(1);
  },
);
