import { assetPath } from '../core/assets.ts';
import { stopSignal } from '../core/lifecycle.ts';
import { anthropicStandIn } from '../sandbox/anthropic.ts';
import { azureSpeechStandIn } from '../sandbox/azure-speech.ts';
import { cartesiaStandIn } from '../sandbox/cartesia.ts';
import { deepgramStandIn, loadLines } from '../sandbox/deepgram.ts';
import { geminiStandIn } from '../sandbox/gemini.ts';
import { geminiLiveStandIn } from '../sandbox/gemini-live.ts';
import { litellmStandIn, openaiChatStandIn } from '../sandbox/openai-chat.ts';
import { azureConversationStandIn } from '../sandbox/openai-conversation-azure.ts';
import { openaiRealtimeStandIn } from '../sandbox/openai-realtime-socket.ts';
import { openaiResponsesStandIn } from '../sandbox/openai-responses.ts';
import { openaiSpeechStandIn } from '../sandbox/openai-speech.ts';
import { openaiTranscriptionsStandIn } from '../sandbox/openai-transcriptions.ts';
import { sarvamStandIn } from '../sandbox/sarvam.ts';
import { startSandbox } from '../sandbox/server.ts';
import { voiceEngine } from '../sandbox/voice.ts';

/** Entry of the sandbox's process: all stand-ins on the port `SANDBOX_PORT`, their log also in `SANDBOX_LOG` when set. */
async function main(): Promise<void> {
  const lines = await loadLines(assetPath('sandbox', 'lines'));
  const standIns = [
    deepgramStandIn(lines),
    anthropicStandIn,
    cartesiaStandIn,
    openaiTranscriptionsStandIn(lines),
    openaiRealtimeStandIn(lines),
    openaiResponsesStandIn,
    openaiChatStandIn,
    openaiSpeechStandIn,
    litellmStandIn,
    geminiStandIn,
    geminiLiveStandIn(lines),
    sarvamStandIn(lines),
    azureSpeechStandIn(lines),
    azureConversationStandIn(lines),
  ];
  const sandbox = await startSandbox(standIns, {
    port: Number(process.env.SANDBOX_PORT ?? 0),
    logFile: process.env.SANDBOX_LOG,
  });
  process.stdout.write(`${JSON.stringify({ sandboxUrl: sandbox.url, voiceEngine })}\n`);
  await stopSignal();
  await sandbox.close();
}

main().catch((error: unknown) => {
  process.stderr.write(`The sandbox could not start: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
