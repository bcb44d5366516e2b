import pg from 'pg';
import { ConfigError } from '../core/errors.ts';

interface LoginRights {
  superuser: boolean;
  bypassesPolicies: boolean;
  inherits: boolean;
  ownsTables: boolean;
  roles: string[];
}

/**
 * Makes sure that a login is bound by row-level security: it can take on its own role, and nothing else.
 * @throws ConfigError naming the setting and each right it must not have.
 */
export async function requireBoundLogin(client: pg.ClientBase, setting: string, role: string): Promise<void> {
  const { rows } = await client.query<LoginRights>(
    `select rolsuper as superuser, rolbypassrls as "bypassesPolicies", rolinherit as inherits,
       exists (select from pg_class where relowner = r.oid and relkind in ('r', 'p')) as "ownsTables",
       array(select m.rolname::text from pg_auth_members a join pg_roles m on m.oid = a.roleid where a.member = r.oid
         order by 1) as roles
     from pg_roles r where rolname = session_user`,
  );
  const [rights] = rows as [LoginRights];
  const faults = [
    rights.superuser && 'is a superuser',
    rights.bypassesPolicies && 'bypasses row-level security',
    rights.ownsTables && 'owns tables, and their policies do not bind an owner for long',
    rights.inherits && 'inherits the rights of its roles: alter it to NOINHERIT',
    rights.roles.join() !== role && `must be a member of ${role} and of no other role`,
  ].filter((fault) => fault !== false);
  if (faults.length) {
    throw new ConfigError([
      { field: setting, message: `this login ${faults.join('; it ')}. "parley db migrate" makes one that fits` },
    ]);
  }
}

/**
 * Makes the login of a database URL, with its password, and binds it to one role; done as a role that may make roles. A login
 * of that name is left as it is but for the role.
 * @returns whether it was made.
 */
export async function ensureLogin(client: pg.ClientBase, url: string, role: string): Promise<boolean> {
  const { username, password } = new URL(url);
  const name = decodeURIComponent(username);
  const { rows } = await client.query<{ isMember: boolean }>(
    `select exists (select from pg_auth_members where member = r.oid and roleid = $2::regrole) as "isMember"
     from pg_roles r where rolname = $1`,
    [name, role],
  );
  const [known] = rows;
  if (!known) {
    const rights = 'login noinherit nosuperuser nobypassrls nocreatedb nocreaterole';
    const secret = password ? `password ${pg.escapeLiteral(decodeURIComponent(password))}` : '';
    await client.query(`create role ${pg.escapeIdentifier(name)} ${rights} ${secret}`);
  }
  if (!known?.isMember) await client.query(`grant ${role} to ${pg.escapeIdentifier(name)}`);
  return !known;
}
