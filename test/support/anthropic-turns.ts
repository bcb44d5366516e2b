import { type Message, parseRequest } from '../../sandbox/anthropic-request.ts';
import { decideReply } from '../../sandbox/anthropic-rules.ts';

const saveTool = {
  name: 'save_onboarding_step',
  description:
    'Saves an answer. The steps are:\npreferred_name: What would you like me to call you?\n- goal: What would you like to reach?\nlanguage: Which language shall we speak?',
  input_schema: { type: 'object' },
};

/** A tool that takes anything. */
export const named = (name: string) => ({ name, input_schema: { type: 'object' } });

const colleagues = ['start_oracy', 'start_scout', 'start_companion', 'return_to_concierge', 'read_session']
  .concat('get_preferences', 'set_preference')
  .map(named);

/** The tools of an agent that sets up profiles and hands over to the others. */
export const tools = [saveTool, named('get_profile'), named('start_onboarding'), ...colleagues];

type Turn = { role: Message['role']; content: object[] };
const turn = (role: Turn['role'], content: string | object[]): Turn => ({
  role,
  content: typeof content === 'string' ? [{ type: 'text', text: content }] : content,
});

/** What the person said, or what tools answered. */
export const user = (content: string | object[]) => turn('user', content);

/** What the model said, or which tools it called. */
export const assistant = (content: string | object[]) => turn('assistant', content);

/** What the rules reply to a conversation, with `tools` at hand unless it is said otherwise. */
export const decide = (messages: Turn[], more: object = { tools }) =>
  decideReply(parseRequest({ model: 'm', max_tokens: 100, messages, ...more }));

/** The tools that a reply calls. */
export const calls = (messages: Turn[], more?: object) => decide(messages, more).toolCalls;

/** How many words a text has. */
export const wordsIn = (text: string) => text.split(/\s+/).length;

/** The turns in which a tool was called and answered. */
export const called = (name: string, input: object, content: string, more: object = {}): Turn[] => [
  user('hello'),
  assistant([{ type: 'tool_use', id: 'toolu_1', name, input }]),
  user([{ type: 'tool_result', tool_use_id: 'toolu_1', content, ...more }]),
];
