import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { migrateServer } from '../../db/migrate.ts';
import { prepareQueue } from '../../jobs/prepare-queue.ts';
import { jobs } from '../../jobs/registry.ts';

/** A database of one test file's own, and the ways into it. */
export interface TestDatabase {
  /** The superuser's: sees everything. */
  adminUrl: string;
  /** Whose the tables are. */
  ownerUrl: string;
  /** Login of verbs that act for one person. */
  url: string;
  /** Login of verbs of the service. */
  serviceUrl: string;
  drop(): Promise<void>;
}

const template = 'parley_template';
const password = 'parley-test';
const logins = { owner: 'parley_test_owner', user: 'parley_test_user', service: 'parley_test_service' } as const;

/** Makes the logins of a test server, and a migrated database that the others are copies of. */
export async function prepareServer(adminUrl: string): Promise<void> {
  const secret = `password '${password}'`;
  await asAdmin(adminUrl, [
    `create role ${logins.owner} login createrole ${secret}`,
    'create role parley_user nologin',
    'create role parley_service nologin',
    `create role ${logins.user} login noinherit in role parley_user ${secret}`,
    `create role ${logins.service} login noinherit in role parley_service ${secret}`,
    `create database ${template} owner ${logins.owner}`,
  ]);
  const ownerUrl = addressOf(adminUrl, template, logins.owner);
  const owner = new pg.Client(ownerUrl);
  await owner.connect();
  await migrateServer(owner).finally(() => owner.end());
  await prepareQueue(ownerUrl, jobs);
}

/** A migrated database on the server, or one without tables. */
export async function createTestDatabase(adminUrl: string, { empty = false } = {}): Promise<TestDatabase> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await asAdmin(adminUrl, [`create database ${name} owner ${logins.owner} ${empty ? '' : `template ${template}`}`]);
  return {
    adminUrl: addressOf(adminUrl, name),
    ownerUrl: addressOf(adminUrl, name, logins.owner),
    url: addressOf(adminUrl, name, logins.user),
    serviceUrl: addressOf(adminUrl, name, logins.service),
    drop: () => asAdmin(adminUrl, [`drop database ${name} with (force)`]),
  };
}

async function asAdmin(adminUrl: string, statements: string[]): Promise<void> {
  const admin = new pg.Client(adminUrl);
  await admin.connect();
  try {
    for (const statement of statements) await admin.query(statement);
  } finally {
    await admin.end();
  }
}

function addressOf(adminUrl: string, database: string, login?: string): string {
  const url = new URL(adminUrl);
  url.pathname = database;
  if (login) Object.assign(url, { username: login, password });
  return url.href;
}
