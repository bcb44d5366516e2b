import { z } from '@hono/zod-openapi';
import { AppError } from '../core/errors.ts';
import { sizes } from '../core/limits.ts';
import { momentSchema } from '../domain/moment.ts';
import type { Page, PageRequest, Place } from '../services/pages.ts';

const placeSchema = z.tuple([momentSchema, z.uuid()]);

/** Query parameters of every list that is read by cursor. */
export const pageQuery = {
  limit: z.coerce.number<string>().int().min(1).max(sizes.itemsPerPage).optional().describe('Items of a page.'),
  cursor: z.string().max(200).optional().describe('`nextCursor` of the page before.'),
};

/** What every page has beside its items. */
export const nextCursor = z.string().nullable().describe('For the next page; null when this is the last one.');

/**
 * Which page a request asks for.
 * @throws AppError `invalid_input` naming `cursor` when no page gave it.
 */
export function pageRequestOf({ cursor, limit }: { cursor?: string; limit?: number }): PageRequest {
  return { after: cursor === undefined ? undefined : placeOf(cursor), limit };
}

/** The cursor behind a page: opaque, base64url of JSON. */
export function nextCursorOf({ next }: Page<unknown>): string | null {
  return next && Buffer.from(JSON.stringify([next.at, next.id])).toString('base64url');
}

function placeOf(cursor: string): Place {
  const place = placeSchema.safeParse(parsedJson(Buffer.from(cursor, 'base64url').toString())).data;
  if (!place) throw AppError.field('cursor', 'is none that a page of this list gave: leave it out to begin anew');
  const [at, id] = place;
  return { at: new Date(at), id };
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
