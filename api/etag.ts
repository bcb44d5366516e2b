import type { Context } from 'hono';
import { AppError } from '../core/errors.ts';
import type { Actor } from '../domain/actor.ts';
import type { ApiEnvironment } from './environment.ts';

/** A row whose writes are counted. */
interface Versioned {
  id: string;
  version: number;
}

/** One entity tag or several, as in RFC 9110, sections 8.8.3 and 13.1; or `*`, for whichever there is. */
const tagsPattern = /^(?:\*|(?:W\/)?"[\x21\x23-\x7e]*"(?:[ \t]*,[ \t]*(?:W\/)?"[\x21\x23-\x7e]*")*)$/;

const parameter = (name: string, description: string) =>
  ({ name, in: 'header', description, schema: { type: 'string', pattern: tagsPattern.source } }) as const;

/** For `parameters` of a route that changes what two writers may change at once. */
export const ifMatch = parameter(
  'If-Match',
  'ETag of what the change was made on: 412 when there is a newer one by now.',
);

/** For `parameters` of a route that reads what has an ETag. */
export const ifNoneMatch = parameter('If-None-Match', 'ETag of what one has: the answer is 304 while that is current.');

/** For `responses` of the same route. */
export const notModified = { 304: { description: 'It is as the If-None-Match has it.' } } as const;

/** For the answer's `headers`. */
export const etagHeader = {
  ETag: { description: 'Names this version of it.', schema: { type: 'string' } },
} as const;

/**
 * The strong entity tag of a version. It holds the id as well: `/profiles/me` is somebody else's with another token, and a
 * browser keeps answers by their address alone.
 */
export function etagOf({ id, version }: Versioned): string {
  return `"${id}.${version}"`;
}

/**
 * The versions that If-Match names of a row; undefined when any will do. Tags of other rows, and weak ones, match nothing.
 * @throws AppError `invalid_input` for a header that is no list of entity tags.
 */
export function ifVersionsOf(header: string | undefined, id: string): number[] | undefined {
  const tags = tagsOf('If-Match', header);
  if (tags === undefined || tags === '*') return undefined;
  return tags.filter((tag) => tag.startsWith(`"${id}.`)).map((tag) => Number(tag.slice(id.length + 2, -1)));
}

/** The id in the tags of what a user has one of; an actor without a user has no such tags. */
export function ownIdOf(actor: Actor): string {
  return 'userId' in actor ? actor.userId : '';
}

/**
 * Puts the tag on an answer to GET.
 * @returns whether the client has this version already, as If-None-Match says; weak tags compare as strong ones here.
 * @throws as `ifVersionsOf`.
 */
export function isUnchanged(c: Context<ApiEnvironment>, row: Versioned): boolean {
  const tag = etagOf(row);
  c.header('etag', tag);
  const tags = tagsOf('If-None-Match', c.req.header('if-none-match'));
  return tags === '*' || (tags?.some((known) => known.replace(/^W\//, '') === tag) ?? false);
}

function tagsOf(name: string, header: string | undefined): string[] | '*' | undefined {
  if (header === undefined) return undefined;
  const value = header.trim();
  if (!tagsPattern.test(value)) throw AppError.field(name, 'needs to be * or ETags as they were sent, in their quotes');
  return value === '*' ? value : Array.from(value.matchAll(/(?:W\/)?"[^"]*"/g), ([tag]) => tag);
}
