import { call, parseResult, type Reply, type Situation, say } from './anthropic-situation.ts';

const saveTool = 'save_onboarding_step';
const skipTool = 'skip_onboarding_step';

/** Somebody who would rather leave a question out. */
const skipping = /^(?:please |let's )?(?:skip|pass)(?: (?:this|that|it)(?: one| question)?)?(?:,? please)?[.!]?$/i;

/** A choice, whose word looks like what people put before an answer. */
const choice = /^(yes|no)(?:,? (?:please|thank you|thanks))?[.!]?$/i;

/** Somebody who needs time rather than an answer. */
export const hesitation =
  /^(?:(?:um+|uh+|er+|oh|no|please|sorry|hey)[,.]? )*(?:hold on|wait|stop|hang on|(?:one|just a) (?:moment|second|minute))\b/i;

const question = /\?\s*$|^(?:what|who|why|when|where|which|how|can you|could you|do you|are you)\b/i;

/** What people put before the answer itself. */
const leadIn =
  /^(?:(?:well|okay|ok|so|yes|yeah|sure|hi|hello|um+|uh+)[,.]? |(?:you can |please |just )*call me |(?:my name is|my name's|i am|i'm|it is|it's|my goal is|the goal is) |(?:i want|i would like|i'd like) to |i would like |i'd like |(?:i speak|let us speak|let's speak|speak|in) )/i;

const goalSaved =
  'That is saved, and from now on every agent you meet here knows about it. You will not have to explain it again, whether you ' +
  'come back tomorrow or next month. Here is my next question.';

/** After a step was saved: thanks and the next question; after a failure: the same question again. */
export function answerSavedStep({ results, tools }: Situation): Reply | undefined {
  const saved = results.find(({ name }) => name === saveTool);
  if (!saved) return undefined;
  const outcome = saved.isError ? undefined : parseResult(saved.content);
  if (!outcome || 'error' in outcome) {
    const again = questionsOf(tools).find(({ step }) => step === saved.input.step)?.question;
    return say(`I am sorry, I could not save that. ${again ?? 'Could you say it once more?'}`);
  }
  const { next, readBack } = outcome;
  if (typeof next !== 'object' || next === null || !('question' in next)) {
    return say(readBack ? `Thank you, ${readBack} Everything is set.` : 'Thank you, everything is set.');
  }
  if (readBack) return say(`Thank you, ${readBack} ${next.question}`);
  if (saved.input.step === 'preferred_name') return say(`Thank you, ${saved.input.answer}. ${next.question}`);
  if (saved.input.step === 'goal') return say(`${goalSaved} ${next.question}`);
  return say(`Thank you. ${next.question}`);
}

/** After a step was left out: the next question; after one that may not be: the same question again. */
export function answerSkippedStep({ results, tools }: Situation): Reply | undefined {
  const skipped = results.find(({ name }) => name === skipTool);
  if (!skipped) return undefined;
  const next = skipped.isError ? undefined : parseResult(skipped.content)?.next;
  if (next === null) return say('All right, everything is set.');
  if (typeof next === 'object' && 'question' in next) return say(`All right, we leave that out. ${next.question}`);
  const again = questionsOf(tools).find(({ step }) => step === skipped.input.step)?.question;
  return say(`I am sorry, I do need that one. ${again ?? 'Could you answer it?'}`);
}

/** While the assistant waits for the answer to a step: saves it, unless the person hesitates or asks something back. */
export function answerOnboarding({ speech, asked, tools }: Situation): Reply | undefined {
  const pending = questionsOf(tools)
    .filter((step) => asked.includes(step.question))
    .at(-1);
  if (!pending || !speech || hesitation.test(speech) || question.test(speech)) return undefined;
  if (skipping.test(speech) && tools.has(skipTool)) return call(skipTool, { step: pending.step });
  return call(saveTool, { step: pending.step, answer: answerIn(speech) });
}

/** The steps as the tool's description lists them, a line each: `preferred_name: What shall I call you?`. */
function questionsOf(tools: Situation['tools']): { step: string; question: string }[] {
  const lines = (tools.get(saveTool) ?? '').matchAll(/^\W*([a-z_]+): (.+\?)\s*$/gm);
  return Array.from(lines, ([, step = '', question = '']) => ({ step, question }));
}

function answerIn(speech: string): string {
  const chosen = choice.exec(speech)?.[1];
  if (chosen) return chosen;
  let answer = speech;
  while (leadIn.test(answer)) answer = answer.replace(leadIn, '');
  return answer.replace(/,? please(?=[.!]?$)/i, '').replace(/[.!]+$/, '') || speech;
}
