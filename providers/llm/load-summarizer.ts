import type { ModelsConfig } from '../../core/config/vendors.ts';
import type { Log } from '../../core/log.ts';
import type { Summarizer } from '../../domain/summary.ts';
import { models } from '../vendors.ts';

/**
 * What sums sessions up, with the language models of calls in the order of calls. Without any it says so once, in the log, and
 * there is none. The models' SDKs and the framework behind them are loaded only where they are needed.
 */
export async function loadSummarizer(
  { order, settings }: ModelsConfig,
  log: Pick<Log, 'info' | 'warn'>,
): Promise<Summarizer | undefined> {
  if (!order.length) {
    log.info('no language model is configured: sessions are not summed up');
    return undefined;
  }
  const { ModelSummarizer } = await import('./summarizer.ts');
  const members = await Promise.all(order.map(async (name) => (await models[name]())(settings)));
  return new ModelSummarizer(members, log);
}
