import { call, parseResult, type Reply, type Situation, say } from './anthropic-situation.ts';

const question = 'May I remember that';

/** Proposes what somebody says to remember, and looks up what is remembered of them and what was said earlier. */
export function useMemory({ speech, tools }: Situation): Reply | undefined {
  const text = /^(?:please )?remember that (.+?)\.?$/i.exec(speech)?.[1];
  if (text && tools.has('propose_fact')) return call('propose_fact', { text });
  if (/\bwhich facts\b/i.test(speech) && tools.has('get_facts')) return call('get_facts');
  if (/\blast time\b/i.test(speech) && tools.has('get_earlier_sessions')) return call('get_earlier_sessions');
  return undefined;
}

/** Keeps what it has asked about on yes, and forgets it on no. */
export function answerProposal({ speech, asked, tools }: Situation): Reply | undefined {
  const id = /"id":\s*"([0-9a-f-]{36})"/.exec(asked)?.[1];
  if (!id || !asked.includes(question)) return undefined;
  if (/^yes\b/i.test(speech) && tools.has('keep_fact')) return call('keep_fact', { id });
  if (/^no\b/i.test(speech) && tools.has('forget_fact')) return call('forget_fact', { id });
  return undefined;
}

/** What is said once the memory has answered. */
export function tellMemory({ results }: Situation): Reply | undefined {
  const result = results.find(
    ({ name }) => name.endsWith('_fact') || ['get_facts', 'get_earlier_sessions'].includes(name),
  );
  if (!result) return undefined;
  if (result.isError) return say(`I am sorry, that did not work: ${result.content}`);
  const outcome = parseResult(result.content) ?? {};
  const texts = Object.values(outcome).flatMap((item) =>
    typeof item === 'object' && item && 'text' in item ? [String(item.text)] : [],
  );
  switch (result.name) {
    case 'propose_fact':
      return say(outcome.state === 'kept' ? 'I know that already.' : `${question} ${result.input.text}?`);
    case 'keep_fact':
      return say(`I will remember that ${outcome.kept}.`);
    case 'forget_fact':
      return say('I will not remember that.');
    case 'get_facts':
      return say(texts.length ? `I remember that ${texts.join(', and that ')}.` : 'I remember nothing about you.');
    default:
      return say(texts.length ? `Last time: ${texts[0]}` : 'We have not talked before.');
  }
}
