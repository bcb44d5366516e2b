/**
 * The one error vocabulary. Verbs throw `AppError`; the doors translate it once. Everything else is unknown and
 * reaches nobody but the log.
 */

/** Every reason a verb may refuse, and the HTTP status a door answers with (RFC 9110). */
export const errorStatus = {
  invalid_input: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  precondition_failed: 412,
  too_large: 413,
  unsupported_type: 415,
  rate_limited: 429,
  internal: 500,
  unavailable: 503,
} as const;

/** A code of the closed vocabulary. */
export type ErrorCode = keyof typeof errorStatus;

/** One fault of one input field, with the way to mend it in `message`. */
export interface FieldFault {
  /** Path of the field as the client wrote it, for example `room_config.agents.0.agent_name`. */
  field: string;
  message: string;
}

/** An error whose message is safe to show: it never holds personal data, SQL or a vendor's text. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly faults: readonly FieldFault[];

  constructor(code: ErrorCode, message: string, options: { faults?: readonly FieldFault[]; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.faults = options.faults ?? [];
  }

  /** A bad input that concerns exactly one field. */
  static field(field: string, message: string): AppError {
    return new AppError('invalid_input', `${field}: ${message}`, { faults: [{ field, message }] });
  }
}

/** A wrong or missing setting. Its message names every fault, one a line, and is printed before the process ends. */
export class ConfigError extends Error {
  readonly faults: readonly FieldFault[];

  constructor(faults: readonly FieldFault[]) {
    super(['The configuration is not usable:', ...faults.map((f) => `  ${f.field}: ${f.message}`)].join('\n'));
    this.name = new.target.name;
    this.faults = faults;
  }
}

/** What may be logged of an error: our own message, or the code or name of one whose message may hold SQL or what people say. */
export function reasonOf(error: unknown): string {
  if (error instanceof AppError) return error.message;
  if (!(error instanceof Error)) return typeof error;
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
