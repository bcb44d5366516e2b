import { expect, it } from 'vitest';
import { newId } from '../../core/ids.ts';
import { defaultTenant } from '../../domain/tenant.ts';
import { getMe } from '../../services/me.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';
import { newTarget } from './target.ts';

describeOnBothDatabases('who is asking', (world) => {
  it('is told with tenant, roles and how they are known, without addresses', async () => {
    const { user, email } = await newTarget(world());
    const me = await getMe(world().context({ ...user, roles: ['student', 'teacher'] }));
    expect(me).toEqual({
      userId: user.userId,
      tenant: { id: defaultTenant.id, slug: 'default', name: expect.any(String) },
      roles: ['student', 'teacher'],
      identities: expect.arrayContaining([
        { provider: 'email', verified: true },
        { provider: 'app', verified: true },
      ]),
      createdAt: world().clock.now().toISOString(),
    });
    expect(JSON.stringify(me)).not.toContain(email);
  });

  it('is not found once removed', async () => {
    const nobody = { ...(await world().newUser()), userId: newId() };
    await expect(getMe(world().context(nobody))).rejects.toMatchObject({ code: 'not_found' });
  });
});
