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
} as const;

/** Lifetimes of what we issue. */
export const lifetimes = {
  sessionTokenSeconds: 600,
  /** A job that has not been heard of for this long has lost its call. */
  leaseMs: 30_000,
  heartbeatMs: 10_000,
} as const;

/** Sizes of what a client may send. */
export const sizes = {
  requestBodyBytes: 64 * 1024,
  metadataCharacters: 4_096,
  attributes: 32,
  attributeCharacters: 1_024,
  turnCharacters: 16_000,
  typedMessageCharacters: 4_000,
  answerCharacters: 500,
  turnsPerPage: 100,
} as const;
