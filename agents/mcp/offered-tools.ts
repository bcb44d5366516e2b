import { createHash } from 'node:crypto';
import type { Tool } from '@modelcontextprotocol/sdk/types.js';
import type { McpServerConfig } from '../../core/config/mcp.ts';
import { sizes } from '../../core/limits.ts';
import { bounded } from './result.ts';

/** A tool of a server as an agent has it. */
export interface OfferedTool {
  /** What models call it: every vendor takes `^[a-zA-Z0-9_-]{1,64}$`. */
  name: string;
  /** What its server calls it. */
  original: string;
  description: string;
  /** JSON Schema of its arguments. */
  parameters: Record<string, unknown>;
  /** Whether its server says that it changes nothing. */
  isReadOnly: boolean;
}

/** What is left of a server's list, and what was not taken. */
export interface Offer {
  tools: OfferedTool[];
  /** Tools of the allow-list that the server doesn't have. */
  missing: string[];
  /** How many allowed ones are left out: too many, too large, or with arguments that a vendor would refuse. */
  leftOut: number;
}

const longestName = 64;

/** The tools of a server's list that its configuration allows, the same from list to list as far as the server's are. */
export function offerOf(
  { name: server, tools: allowed }: Pick<McpServerConfig, 'name' | 'tools'>,
  listed: readonly Tool[],
): Offer {
  const byName = new Map(listed.map((tool) => [tool.name, tool]));
  const chosen = allowed ?? [...byName.keys()].sort();
  const missing = chosen.filter((name) => !byName.has(name));
  const present = chosen.flatMap((name) => byName.get(name) ?? []);
  const usable = present.filter(isUsable).slice(0, sizes.mcpTools);
  const taken = new Set<string>();
  const tools = usable.map((tool): OfferedTool => {
    const name = nameFor(server, tool.name, taken);
    taken.add(name);
    return {
      name,
      original: tool.name,
      description: bounded(
        tool.description ?? tool.title ?? tool.annotations?.title ?? '',
        sizes.mcpDescriptionCharacters,
      ),
      parameters: parametersOf(tool),
      // Whatever a server doesn't say is the worse: so does the protocol have it (ToolAnnotations).
      isReadOnly: tool.annotations?.readOnlyHint === true,
    };
  });
  return { tools, missing, leftOut: present.length - tools.length };
}

/** The name of a server's tool among those of an agent; one that can't be kept as it is ends in a digest of the original. */
function nameFor(server: string, original: string, taken: ReadonlySet<string>): string {
  const name = `${server}_${original.replaceAll(/[^a-zA-Z0-9_-]/g, '_')}`;
  if (name.length <= longestName && !taken.has(name)) return name;
  const digest = createHash('sha256').update(original).digest('hex').slice(0, 8);
  return `${name.slice(0, longestName - digest.length - 1)}_${digest}`;
}

/** One tool whose description a vendor refuses would cost every reply of its agent: it is left out instead. */
function isUsable(tool: Tool): boolean {
  // Vendors differ in what they take; Anthropic's rule for names is the narrowest.
  const names = Object.keys(tool.inputSchema.properties ?? {});
  return (
    names.every((name) => /^[a-zA-Z0-9_.-]{1,64}$/.test(name)) &&
    JSON.stringify(tool.inputSchema).length <= sizes.mcpSchemaCharacters &&
    tool.execution?.taskSupport !== 'required'
  );
}

/** Vendors refuse alternatives at the top of a schema, and OpenAI one without `properties`; the server checks what it is given itself. */
function parametersOf({ inputSchema }: Tool): Record<string, unknown> {
  const { $schema: _, oneOf: _one, anyOf: _any, allOf: _all, not: _not, ...schema } = inputSchema;
  return { ...schema, type: 'object', properties: schema.properties ?? {} };
}
