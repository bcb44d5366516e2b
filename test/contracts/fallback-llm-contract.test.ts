import { VendorHealth } from '../../providers/fallback/health.ts';
import { FallbackLLM } from '../../providers/fallback/llm.ts';
import { AnthropicLLM } from '../../providers/llm/anthropic.ts';
import { anthropicStandIn } from '../../sandbox/anthropic.ts';
import { standbyUrl, withStandby } from './fallback-standby.ts';
import { describeLlmContract } from './llm-suite.ts';

const adapter = (baseUrl: string, model: string, idleTimeoutMs?: number) =>
  new AnthropicLLM({ apiKey: 'sk-ant-test', baseUrl, model, idleTimeoutMs });

describeLlmContract('FallbackLLM over one member', {
  vendor: 'anthropic',
  standIn: anthropicStandIn,
  create: ({ url, idleTimeoutMs }) =>
    new FallbackLLM({
      members: [{ key: 'llm:one', llm: adapter(url, 'claude-haiku-4-5', idleTimeoutMs) }],
      health: new VendorHealth(),
    }),
});

describeLlmContract('FallbackLLM over two members that fail together', {
  vendor: 'anthropic',
  standIn: withStandby(anthropicStandIn),
  create: ({ url, idleTimeoutMs }) =>
    new FallbackLLM({
      members: [
        { key: 'llm:one', llm: adapter(url, 'claude-haiku-4-5', idleTimeoutMs) },
        { key: 'llm:two', llm: adapter(standbyUrl(url), 'claude-haiku-4-5', idleTimeoutMs) },
      ],
      health: new VendorHealth(),
    }),
});
