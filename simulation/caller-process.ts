import { setTimeout as sleep } from 'node:timers/promises';
import { Caller } from '../scripts/caller.ts';
import { runAsCaller, tellDemo } from '../scripts/demo-process.ts';
import { CallDriver, type CallMessage, type CallOrder } from './call-driver.ts';
import { LlmPersona, ScriptPersona } from './persona.ts';

/** Environment variable with the `CallOrder` of a caller's process, as JSON. */
const order = JSON.parse(process.env.SIMULATION_CALL ?? '{}') as CallOrder;

/** The process of one simulated caller: one call, of which everything is told as it happens. */
async function main(): Promise<void> {
  const { scenario, model } = order;
  const tell = (message: CallMessage) => tellDemo(message);
  if (scenario.caller === 'llm' && !model)
    throw new Error('caller: llm needs a model: set ANTHROPIC_API_KEY, or leave --real out');
  const persona =
    model && scenario.caller === 'llm' ? new LlmPersona(scenario, model) : new ScriptPersona(scenario.script);
  const driver = new CallDriver(order, tell);
  const over = sleep(scenario.timeout_ms, 'late' as const, { ref: false });
  if ((await Promise.race([driver.hold(persona), over])) === 'late') {
    driver.stuck(`the call was not over within ${scenario.timeout_ms} ms (timeout_ms)`);
  }
  await driver.leave();
  await Caller.end();
}

runAsCaller(main);
