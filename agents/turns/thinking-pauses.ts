import { llm, voice } from '@livekit/agents';
import type { CallSession } from '../call.ts';

const { AgentStateChanged, ConversationItemAdded, UserStateChanged } = voice.AgentSessionEventTypes;

/** A person who goes on later than this has begun something new. */
const longestPauseMs = 1_500;
/** An answer of which less than this was spoken had come too soon. */
const heardMs = 400;
/** Of the framework's detector of voices: how much later than they do it says that somebody begins, and ends. */
const detectedAfterMs = { start: 80, end: 250 } as const;

/** Tells whether somebody who speaks goes on with what they said before, after a pause in which no answer was heard. */
export class ThinkingPauses {
  #endedAtMs = Number.NEGATIVE_INFINITY;
  #answeredAtMs = Number.POSITIVE_INFINITY;
  #pauseMs: number | undefined;
  #pieces = 0;
  #isCommitted = false;

  constructor(session: CallSession) {
    session.on(UserStateChanged, ({ newState, createdAt }) => {
      if (newState === 'listening') {
        this.#endedAtMs = createdAt - detectedAfterMs.end;
        this.#answeredAtMs = Number.POSITIVE_INFINITY;
      }
      // Who dictates waits for no answer: their pauses part sentences.
      if (newState === 'speaking')
        this.#begun(createdAt - detectedAfterMs.start, session.userData.listener === undefined);
    });
    session.on(AgentStateChanged, ({ newState, createdAt }) => {
      if (newState === 'speaking') this.#answeredAtMs = Math.min(this.#answeredAtMs, createdAt);
    });
    session.on(ConversationItemAdded, ({ item }) => {
      if (item.type === 'message' && item.role === 'user') this.#isCommitted = true;
    });
  }

  /** Length of the pause before what is being said, or was said last; undefined when that is something new. */
  get pauseMs(): number | undefined {
    return this.#pauseMs;
  }

  /** How many turns at the end of the history are the beginning of what is being said. */
  get pieces(): number {
    return this.#pieces;
  }

  #begun(atMs: number, expectsAnswer: boolean): void {
    const pauseMs = atMs - this.#endedAtMs;
    const goesOn = expectsAnswer && pauseMs <= longestPauseMs && atMs - this.#answeredAtMs <= heardMs;
    this.#pauseMs = goesOn ? pauseMs : undefined;
    this.#pieces = goesOn ? this.#pieces + Number(this.#isCommitted) : 0;
    this.#isCommitted = false;
  }
}

/** The conversation with its last message and the turns before it that are its beginning as one. */
export function withWholeTurn(chatCtx: llm.ChatContext, pieces: number): llm.ChatContext {
  const items = [...chatCtx.items];
  const at = items.findLastIndex((item) => item.type === 'message' && item.role === 'user');
  const isSaid = (item: llm.ChatItem | undefined): item is llm.ChatMessage =>
    item?.type === 'message' && item.role === 'user' && item.content.every((part) => typeof part === 'string');
  const last = items[at];
  let from = at;
  while (at - from < pieces && isSaid(items[from - 1])) from -= 1;
  if (from === at || !isSaid(last)) return chatCtx;
  const said = items.slice(from, at + 1).filter(isSaid);
  const content = said.map((message) => message.rawTextContent ?? '').join(' ');
  const { id, createdAt } = last;
  items.splice(from, said.length, llm.ChatMessage.create({ id, role: 'user', content, createdAt }));
  return new llm.ChatContext(items);
}
