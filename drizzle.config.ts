import { defineConfig } from 'drizzle-kit';

/** For `npm run db:generate`: compares the schema with the migrations so far and writes the next one. */
export default defineConfig({ dialect: 'postgresql', schema: './db/schema', out: './db/migrations' });
