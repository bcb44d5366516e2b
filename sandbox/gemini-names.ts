/** Fields whose content is the client's own. */
const opaque = new Set(['args', 'response', 'parametersJsonSchema']);

/**
 * A client's message with all fields by their names in JSON. The vendor takes those of its protocol buffers too
 * (protobuf.dev/programming-guides/json), which its client for Python sends.
 */
export function withJsonNames(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withJsonNames);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([field, content]) => {
      const name = field.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
      return [name, opaque.has(name) ? content : withJsonNames(content)];
    }),
  );
}
