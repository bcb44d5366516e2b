/** A text that must occur, whatever its case and its spaces, or a `/regular expression/flags`, as scenarios write them. */
export interface Pattern {
  /** As it was written. */
  source: string;
  /** Where it first occurs from an offset on: the offset behind it, or undefined. */
  endIn(text: string, from: number): number | undefined;
}

/** Reads a pattern. @throws Error saying what is wrong with a regular expression, or with its flags */
export function readPattern(source: string): Pattern {
  const [, body, flags = ''] = /^\/(.+)\/([a-z]*)$/s.exec(source) ?? [];
  if (body === undefined) {
    const wanted = spaced(source).toLowerCase();
    return {
      source,
      endIn(text, from) {
        const at = spaced(text).toLowerCase().indexOf(wanted, from);
        return at < 0 ? undefined : at + wanted.length;
      },
    };
  }
  if (/[gy]/.test(flags)) throw new Error(`the flags g and y have no meaning here: ${source}`);
  const expression = new RegExp(body, `${flags}g`);
  return {
    source,
    endIn(text, from) {
      expression.lastIndex = from;
      const found = expression.exec(spaced(text));
      return found ? found.index + Math.max(1, found[0].length) : undefined;
    },
  };
}

/** The first pattern that does not occur behind the ones before it; undefined when all do, in order. */
export function firstMissing(text: string, sources: readonly string[]): string | undefined {
  let from = 0;
  for (const source of sources) {
    const end = readPattern(source).endIn(text, from);
    if (end === undefined) return source;
    from = end;
  }
  return undefined;
}

function spaced(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
