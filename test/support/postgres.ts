import { randomUUID } from 'node:crypto';
import postgres from 'postgres';

/** A database of one test file's own on the server at `adminUrl`. */
export async function createTestDatabase(adminUrl: string): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  const statement = async (text: string) => {
    const admin = postgres(adminUrl, { max: 1, onnotice: () => undefined });
    await admin.unsafe(text).finally(() => admin.end());
  };
  await statement(`create database ${name}`);
  const url = new URL(adminUrl);
  url.pathname = name;
  return { url: url.href, drop: () => statement(`drop database ${name} with (force)`) };
}
