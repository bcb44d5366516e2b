/** Every default and bound that more than one file, or an operator, may ask about. Times carry their unit. */

/** Defaults of settings; `.env.example` explains each. */
export const defaults = {
  /** LiveKit clients refresh a token 60 s before it ends, so it must live longer than that. */
  tokenTtlSeconds: 900,
  /** LiveKit's `useAgent` gives up after 20 s without an agent: two tries fit into it. */
  agentJoinTimeoutMs: 8_000,
  drainTimeoutMs: 3_600_000,
  endpointingMinDelayMs: 300,
  endpointingMaxDelayMs: 2_500,
  /** How long a vendor is waited for before the next one is tried; see `core/config/vendors.ts`. */
  sttStallMs: 3_000,
  llmFirstChunkMs: 2_500,
  ttsFirstAudioMs: 2_000,
  /** How long a tool of an MCP server is waited for. */
  mcpTimeoutMs: 8_000,
  /** From the end of a turn: to a filler, and to an apology where nothing was said at all. */
  fillerAfterMs: 1_800,
  apologyAfterMs: 5_000,
  /** The longest call, and the warning before its end. */
  callMaxMs: 7_200_000,
  callGoodbyeMs: 60_000,
  userAwayMs: 60_000,
} as const;

/** Lifetimes of what we issue. */
export const lifetimes = {
  sessionTokenSeconds: 600,
  accessTokenSeconds: 900,
  refreshTokenMs: 30 * 86_400_000,
  /** A client may ask for a refresh token's successor again for this long, when the answer got lost. */
  refreshRetryMs: 10_000,
  magicLinkMs: 900_000,
  /** Links and refresh tokens that have run out are kept for this long, to tell a late use from a wrong one. */
  spentSecretMs: 86_400_000,
  /** How long a user may fetch the copy of their data. */
  exportMs: 7 * 86_400_000,
  /** A job that has not been heard of for this long has lost its call. */
  leaseMs: 30_000,
  heartbeatMs: 10_000,
  /** A dispatch that no worker has taken on by then never arrives, and is made again. */
  dispatchAcceptMs: 1_500,
  /** A job whose connection has broken is given this long to be heard of again. */
  lostJobMs: 400,
  /** A job that is gone from its room, as LiveKit tells, is given this long to give its session back. */
  leftJobMs: 2_000,
  /** A call goes on where its lost job was for this long; who comes back later begins a new one. */
  resumeMs: 600_000,
  /** Entries of a cache are forgotten on every write; this is for what nobody asks for any more. */
  cacheMs: 86_400_000,
  /** Longer than any write takes: for so long nothing is cached for whom a process died while writing. */
  cacheWriteMs: 30_000,
  /** Pause before what could not be forgotten is tried again. */
  cacheRetryMs: 1_000,
  /** How long a pairing's code can be claimed. */
  pairingCodeMs: 300_000,
  /** An agent that is offered a reminder has this long to tell it and say so, before it goes out by other means. */
  reminderOfferMs: 45_000,
  /** A pairing ends when neither of its ends has been heard of for this long. */
  pairingMs: 12 * 3_600_000,
  /** How long one that has ended can be looked at. */
  endedPairingMs: 86_400_000,
} as const;

/** Sizes of what a client may send. */
export const sizes = {
  requestBodyBytes: 64 * 1024,
  /** A recording to be transcribed; OpenAI takes as much in one request. */
  recordingBytes: 25 * 1024 * 1024,
  /** What a client may say about a recording's words. */
  promptCharacters: 1_000,
  metadataCharacters: 4_096,
  attributes: 32,
  attributeCharacters: 1_024,
  turnCharacters: 16_000,
  typedMessageCharacters: 4_000,
  answerCharacters: 500,
  turnsPerPage: 100,
  itemsPerPage: 100,
  /** Turns of a session that its agent begins with. */
  contextTurns: 20,
  nameCharacters: 80,
  titleCharacters: 200,
  /** One fact that is remembered of a person, and how many there may be, proposed ones included. */
  factCharacters: 300,
  facts: 200,
  /** Kept facts that an agent begins with, the newest. */
  contextFacts: 50,
  /** What a person is reminded of, and how many reminders may still be due. */
  reminderCharacters: 300,
  reminders: 100,
  summaryCharacters: 1_500,
  /** The end of a session that its summary is made of; a model is paid for each. */
  summaryTurns: 200,
  summarySourceCharacters: 40_000,
  /** Turns by the person below which a session has nothing worth a summary. */
  summaryFewestTurns: 4,
  /** Summaries of earlier sessions that an agent begins with. */
  contextSummaries: 3,
  pushTokenCharacters: 4_096,
  /** All of a user's preferences, as JSON. */
  preferencesCharacters: 32_000,
  preferencesDepth: 16,
  /** One spelling of a lexicon's term. */
  termCharacters: 120,
  variantsPerTerm: 32,
  /** Entries of one owner and pack. */
  lexiconEntries: 20_000,
  /** A file of terms: as many as there may be, of 200 bytes each. */
  lexiconFileBytes: 4 * 1024 * 1024,
  /** Segments of one note, and characters of all of them together, as heard and as written. */
  noteSegments: 2_000,
  noteCharacters: 200_000,
  /** Steps that can be undone, and operations of a note that are known again when they are sent twice. */
  noteUndoSteps: 100,
  noteOperations: 256,
  /** What is taken of an MCP server: tools, and characters of the description, the schema and the result of one. */
  mcpTools: 64,
  mcpDescriptionCharacters: 1_000,
  mcpSchemaCharacters: 16_000,
  mcpResultCharacters: 8_000,
  /** One answer of an MCP server as it comes over the wire. */
  mcpResponseBytes: 2 * 1024 * 1024,
} as const;
