import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { AppError } from '../core/errors.ts';
import {
  correctionOutcomeSchema,
  correctionSchema,
  effectiveLexiconSchema,
  lexiconEntryChangesSchema,
  lexiconEntrySchema,
  lexiconImportSchema,
  lexiconOwnerSchema,
  newLexiconEntrySchema,
} from '../domain/lexicon.ts';
import { packNames } from '../domain/normalization/packs.ts';
import type { Services } from '../services/context.ts';
import { exportLexicon } from '../services/lexicon-export.ts';
import { importLexicon } from '../services/lexicon-import.ts';
import { correct } from '../services/lexicon-learning.ts';
import {
  addLexiconEntry,
  getEffectiveLexicon,
  getLexiconEntry,
  getLexiconVersion,
  listLexiconEntries,
  removeLexiconEntry,
  updateLexiconEntry,
} from '../services/lexicons.ts';
import type { ApiEnvironment } from './environment.ts';
import { etagHeader, etagOf, ifMatch, ifNoneMatch, ifVersionsOf, isUnchanged, notModified, ownIdOf } from './etag.ts';
import { nextCursor, nextCursorOf, pageQuery, pageRequestOf } from './paging.ts';
import { problemResponses } from './problem.ts';

const pack = z.enum(packNames).describe('Name of a normalization pack.');
const params = z.object({ pack });
const entryParams = z.object({ pack, id: z.uuid() });
const owner = lexiconOwnerSchema
  .default('user')
  .describe('Whose lexicon: the user’s own, or the tenant’s, which its admins and operators may change.');
const query = z.object({ owner });

const entry = { headers: etagHeader, content: { 'application/json': { schema: lexiconEntrySchema } } };
const bodyOf = <T extends z.ZodType>(schema: T) => ({ required: true, content: { 'application/json': { schema } } });
const csv = {
  'text/csv': { schema: z.string().meta({ example: 'canonical,category,variants\r\ncariës,finding,karies|karius' }) },
};

const list = createRoute({
  method: 'get',
  path: '/lexicons/{pack}/entries',
  description: 'The entries of a lexicon, the newest first.',
  request: { params, query: z.object({ owner, ...pageQuery }) },
  responses: {
    200: {
      description: 'A page of them.',
      content: {
        'application/json': {
          schema: z.object({ entries: z.array(lexiconEntrySchema), nextCursor }).meta({ id: 'LexiconEntries' }),
        },
      },
    },
    ...problemResponses,
  },
});

const add = createRoute({
  method: 'post',
  path: '/lexicons/{pack}/entries',
  description: 'Adds a term. Running calls know it within seconds.',
  request: { params, query, body: bodyOf(newLexiconEntrySchema) },
  responses: { 201: { description: 'The entry.', ...entry }, ...problemResponses },
});

const get = createRoute({
  method: 'get',
  path: '/lexicons/{pack}/entries/{id}',
  description: 'One entry.',
  parameters: [ifNoneMatch],
  request: { params: entryParams, query },
  responses: { 200: { description: 'The entry.', ...entry }, ...notModified, ...problemResponses },
});

const update = createRoute({
  method: 'patch',
  path: '/lexicons/{pack}/entries/{id}',
  description: 'Changes the fields that are sent. An entry that was learned from one correction applies from then on.',
  parameters: [ifMatch],
  request: { params: entryParams, query, body: bodyOf(lexiconEntryChangesSchema) },
  responses: { 200: { description: 'The entry with the changes.', ...entry }, ...problemResponses },
});

const remove = createRoute({
  method: 'delete',
  path: '/lexicons/{pack}/entries/{id}',
  description: 'Removes an entry.',
  parameters: [ifMatch],
  request: { params: entryParams, query },
  responses: { 204: { description: 'It is gone.' }, ...problemResponses },
});

const effective = createRoute({
  method: 'get',
  path: '/lexicons/{pack}/effective',
  description: 'All terms that apply to the user beside the shipped ones: their own, which win, and their tenant’s.',
  parameters: [ifNoneMatch],
  request: { params },
  responses: {
    200: {
      description: 'The terms.',
      headers: etagHeader,
      content: { 'application/json': { schema: effectiveLexiconSchema } },
    },
    ...notModified,
    ...problemResponses,
  },
});

const exportFile = createRoute({
  method: 'get',
  path: '/lexicons/{pack}/export',
  description: 'The terms of a lexicon as a CSV file (RFC 4180), variants in one cell with | between them.',
  request: { params, query },
  responses: { 200: { description: 'The file.', content: csv }, ...problemResponses },
});

const importFile = createRoute({
  method: 'post',
  path: '/lexicons/{pack}/import',
  description:
    'Adds the terms of a CSV file, or replaces them, and keeps the others. Lines that can’t be used are told and left out.',
  request: {
    params,
    query: z.object({
      owner,
      dryRun: z.enum(['true', 'false']).default('false').describe('Tells what would be, and changes nothing.'),
    }),
    body: { required: true, content: csv },
  },
  responses: {
    200: {
      description: 'What became of the file.',
      content: { 'application/json': { schema: lexiconImportSchema } },
    },
    ...problemResponses,
  },
});

const teach = createRoute({
  method: 'post',
  path: '/lexicons/{pack}/corrections',
  description: 'Learns from a correction of the user’s: the second time, or at once where it shall be remembered.',
  request: { params, body: bodyOf(correctionSchema) },
  responses: {
    200: { description: 'What it did.', content: { 'application/json': { schema: correctionOutcomeSchema } } },
    ...problemResponses,
  },
});

/** Routes about lexicons. */
export function lexiconRoutes(services: Services) {
  return new OpenAPIHono<ApiEnvironment>()
    .openapi(list, async (c) => {
      const { owner, ...page } = c.req.valid('query');
      const input = { ...c.req.valid('param'), owner, ...pageRequestOf(page) };
      const found = await listLexiconEntries({ ...services, actor: c.get('actor') }, input);
      return c.json({ entries: found.items, nextCursor: nextCursorOf(found) }, 200);
    })
    .openapi(add, async (c) => {
      const input = { ...c.req.valid('param'), ...c.req.valid('query'), entry: c.req.valid('json') };
      const added = await addLexiconEntry({ ...services, actor: c.get('actor') }, input);
      c.header('etag', etagOf(added));
      return c.json(added, 201);
    })
    .openapi(get, async (c) => {
      const { id: entryId, pack } = c.req.valid('param');
      const found = await getLexiconEntry(
        { ...services, actor: c.get('actor') },
        { ...c.req.valid('query'), pack, entryId },
      );
      return isUnchanged(c, found) ? c.body(null, 304) : c.json(found, 200);
    })
    .openapi(update, async (c) => {
      const { id: entryId, pack } = c.req.valid('param');
      const ifVersions = ifVersionsOf(c.req.header('if-match'), entryId);
      const input = { ...c.req.valid('query'), pack, entryId, changes: c.req.valid('json'), ifVersions };
      const changed = await updateLexiconEntry({ ...services, actor: c.get('actor') }, input);
      c.header('etag', etagOf(changed));
      return c.json(changed, 200);
    })
    .openapi(remove, async (c) => {
      const { id: entryId, pack } = c.req.valid('param');
      const ifVersions = ifVersionsOf(c.req.header('if-match'), entryId);
      const input = { ...c.req.valid('query'), pack, entryId, ifVersions };
      await removeLexiconEntry({ ...services, actor: c.get('actor') }, input);
      return c.body(null, 204);
    })
    .openapi(effective, async (c) => {
      const context = { ...services, actor: c.get('actor') };
      const { pack } = c.req.valid('param');
      const id = `${pack}.${ownIdOf(context.actor)}`;
      if (isUnchanged(c, { id, version: await getLexiconVersion(context) })) return c.body(null, 304);
      const found = await getEffectiveLexicon(context, { pack });
      c.header('etag', etagOf({ id, version: Number(found.version) }));
      return c.json(found, 200);
    })
    .openapi(exportFile, async (c) => {
      const input = { ...c.req.valid('param'), ...c.req.valid('query') };
      const file = await exportLexicon({ ...services, actor: c.get('actor') }, input);
      c.header('content-type', 'text/csv; charset=utf-8; header=present');
      c.header('content-disposition', `attachment; filename="${input.pack}-${input.owner}.csv"`);
      return c.body(file, 200);
    })
    .openapi(importFile, async (c) => {
      const { owner, dryRun } = c.req.valid('query');
      const file = textOf(await c.req.arrayBuffer());
      const input = { ...c.req.valid('param'), owner, file, isDryRun: dryRun === 'true' };
      return c.json(await importLexicon({ ...services, actor: c.get('actor') }, input), 200);
    })
    .openapi(teach, async (c) => {
      const input = { ...c.req.valid('param'), ...c.req.valid('json') };
      return c.json({ outcome: await correct({ ...services, actor: c.get('actor') }, input) }, 200);
    });
}

function textOf(bytes: ArrayBuffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw AppError.field('body', 'is not UTF-8: save the file as "CSV UTF-8"');
  }
}
