import { describe, expect, it } from 'vitest';
import { OpenAIRealtimeModel } from '../../providers/realtime/openai.ts';
import { azureConversationStandIn } from '../../sandbox/openai-conversation-azure.ts';
import { startSandbox } from '../../sandbox/server.ts';
import { describeRealtimeContract } from './realtime-suite.ts';

describeRealtimeContract('Azure OpenAI Realtime', {
  vendor: 'azure-openai',
  standIn: azureConversationStandIn,
  create: ({ baseUrl, turns, ...settings }) =>
    new OpenAIRealtimeModel({
      apiKey: 'a-key',
      baseUrl: `${baseUrl}/azure-openai/openai/v1`,
      model: 'gpt-realtime',
      voice: 'marin',
      transcriptionModel: 'my-transcriber',
      azure: { deployment: 'my-deployment' },
      ...(turns === 'manual' && { turnDetection: null }),
      ...settings,
    }),
});

describe('Azure OpenAI Realtime', () => {
  it('names the deployment and sends the key in its own header only', async () => {
    const sandbox = await startSandbox([azureConversationStandIn([])]);
    const baseUrl = `${sandbox.url}/azure-openai/openai/v1`;
    const options = { apiKey: 'a-key', baseUrl, model: 'gpt-realtime', voice: 'marin' };
    const model = new OpenAIRealtimeModel({ ...options, azure: { deployment: 'my-deployment' } });
    try {
      await model.probe(AbortSignal.timeout(5_000));
      expect(sandbox.log.events({ event: 'connection-opened' })).toMatchObject([{ query: 'model=my-deployment' }]);
      expect([model.provider, model.model, model.label()]).toEqual([
        'azure-openai',
        'gpt-realtime',
        'azure-openai.RealtimeModel',
      ]);
      // Without `azure` the same key goes out as a bearer token, which is for Entra ID.
      const plain = new OpenAIRealtimeModel(options);
      await expect(plain.probe(AbortSignal.timeout(5_000))).rejects.toMatchObject({
        statusCode: 401,
        retryable: false,
      });
    } finally {
      await sandbox.close();
    }
  });
});
