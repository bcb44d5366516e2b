/** How the framework marks a field that holds what people say or are called. */
const personal = 'lk.pii.';

/**
 * Keeps what callers say out of the framework's log. @livekit/agents 1.9.0 writes it to standard output at every level,
 * warnings and errors included, in fields whose names begin with `lk.pii.`, and has no option against it. Called once
 * per process, before it has a call.
 */
export function redactFrameworkLog(): void {
  const { stdout } = process;
  const write = stdout.write;
  stdout.write = (chunk: string | Uint8Array, ...more: unknown[]): boolean =>
    Reflect.apply(write, stdout, [typeof chunk === 'string' ? withoutPersonalData(chunk) : chunk, ...more]);
}

/** A line of the log without its marked fields; one that can't be read is left out. */
export function withoutPersonalData(line: string): string {
  if (!line.includes(personal)) return line;
  try {
    return `${JSON.stringify(JSON.parse(line, (key, value) => (key.startsWith(personal) ? undefined : value)))}\n`;
  } catch {
    return '';
  }
}
