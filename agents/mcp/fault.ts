/**
 * Why a server did not do what it was asked. `lost`: it doesn't know the session any more, and has done nothing. `unreachable`: it
 * could not be asked, or the connection broke. `refused`: it answered with an error. `unreadable`: with something else than
 * the protocol has.
 */
export type McpFaultKind = 'timeout' | 'cancelled' | 'lost' | 'unreachable' | 'refused' | 'unreadable';

/** A failure of an MCP server, in words of ours. Its message is safe to log; what the server said is not in it. */
export class McpFault extends Error {
  readonly kind: McpFaultKind;
  /** What the server said, as material for the model. Never to be logged. */
  readonly said: string;

  constructor(kind: McpFaultKind, message: string, said = '') {
    super(message);
    this.name = new.target.name;
    this.kind = kind;
    this.said = said;
  }
}
