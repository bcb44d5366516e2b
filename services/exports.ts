import { and, eq, gt, isNull } from 'drizzle-orm';
import { AppError } from '../core/errors.ts';
import { newId } from '../core/ids.ts';
import { lifetimes } from '../core/limits.ts';
import { userExports } from '../db/schema/user-exports.ts';
import type { UserExport } from '../domain/export.ts';
import type { JobPayload } from '../domain/job.ts';
import type { CoreContext } from './context.ts';
import { open, seal } from './fields.ts';
import { requirePermission } from './permissions.ts';
import { exportUser } from './user-export.ts';
import { withActor, withService } from './with-actor.ts';

/**
 * Asks for a copy of everything there is about the user; a job writes it. While one is being written, that is the answer to
 * whoever asks again.
 */
export async function requestExport(context: CoreContext): Promise<UserExport> {
  const actor = requirePermission(context.actor, 'exports.write');
  const { tenantId, userId } = actor;
  const now = context.clock();
  const row = await withService(context, actor, async (tx) => {
    const isWaiting = and(eq(userExports.userId, userId), isNull(userExports.document), gt(userExports.expiresAt, now));
    const [waiting] = await tx.select().from(userExports).where(isWaiting).limit(1);
    if (waiting) return waiting;
    const requested = {
      id: newId(),
      tenantId,
      userId,
      document: null,
      requestedAt: now,
      expiresAt: new Date(now.getTime() + lifetimes.exportMs),
    };
    await tx.insert(userExports).values(requested);
    await context.queue.enqueue(tx, 'export-user', { exportId: requested.id, tenantId, userId });
    return requested;
  });
  return exportOf(context, row);
}

/**
 * An export the user has asked for, with its document once that is written.
 * @throws AppError `not_found` for one that has expired or is another user's.
 */
export async function readExport(context: CoreContext, { exportId }: { exportId: string }): Promise<UserExport> {
  requirePermission(context.actor, 'exports.read');
  const [row] = await withActor(context, (tx) =>
    tx
      .select()
      .from(userExports)
      .where(and(eq(userExports.id, exportId), gt(userExports.expiresAt, context.clock()))),
  );
  if (!row) throw new AppError('not_found', 'There is no such export, or it has expired');
  return exportOf(context, row);
}

/** Writes the document of an export, once: a second run of the job changes nothing. For the service itself. */
export async function writeExport(
  context: CoreContext,
  { exportId, userId }: JobPayload<'export-user'>,
): Promise<void> {
  requirePermission(context.actor, 'users.export');
  const isUnwritten = and(eq(userExports.id, exportId), isNull(userExports.document));
  const [waiting] = await withActor(context, (tx) =>
    tx.select({ id: userExports.id }).from(userExports).where(isUnwritten),
  );
  // It has been written, has expired, or went with its user.
  if (!waiting) return;
  const pieces: string[] = [];
  for await (const piece of await exportUser(context, { userId })) pieces.push(piece);
  const document = seal(context, userExports.document, exportId, pieces.join(''));
  await withActor(context, (tx) => tx.update(userExports).set({ document }).where(isUnwritten));
}

function exportOf(context: CoreContext, row: typeof userExports.$inferSelect): UserExport {
  const document = open(context, userExports.document, row.id, row.document);
  return {
    id: row.id,
    requestedAt: row.requestedAt.toISOString(),
    expiresAt: row.expiresAt.toISOString(),
    document: document === null ? null : JSON.parse(document),
  };
}
