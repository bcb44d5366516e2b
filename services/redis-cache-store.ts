import type { Redis } from 'ioredis';
import { z } from 'zod';
import { newId } from '../core/ids.ts';
import { lifetimes } from '../core/limits.ts';
import type { CacheStore } from './cache.ts';

// An owner is one hash: `writers` while somebody writes; else `generation`, and a field for each entry. A generation is a
// random name, so that neither a flush nor an eviction can bring an old one back.
const find = `
local found = redis.call('HMGET', KEYS[1], 'writers', 'generation', 'entry:' .. ARGV[1])
if found[1] then return {false, false} end
if not found[2] then
  redis.call('HSET', KEYS[1], 'generation', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  return {ARGV[2], false}
end
return {found[2], found[3]}`;

const remember = `
if redis.call('HGET', KEYS[1], 'generation') == ARGV[2] then
  redis.call('HSET', KEYS[1], 'entry:' .. ARGV[1], ARGV[3])
end`;

const beginWrite = `
local writers = redis.call('HGET', KEYS[1], 'writers') or 0
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'writers', writers + 1)
redis.call('PEXPIRE', KEYS[1], ARGV[1])`;

const endWrite = `
if tonumber(redis.call('HGET', KEYS[1], 'writers') or 0) > 1 then
  redis.call('HINCRBY', KEYS[1], 'writers', -1)
else
  redis.call('DEL', KEYS[1])
end`;

const forget = `
if redis.call('HEXISTS', KEYS[1], 'writers') == 0 then redis.call('DEL', KEYS[1]) end`;

const finding = z.tuple([z.string().nullable(), z.string().nullable()]);

/** Keeps entries in a Redis that every process shares; each step is one script on one key, and so atomic. */
export function createRedisCacheStore(redis: Redis): CacheStore {
  const run = (script: string, owner: string, ...values: (string | number)[]) =>
    redis.eval(script, 1, `parley:cache:${owner}`, ...values);
  return {
    async find(owner, name) {
      const [generation, text] = finding.parse(await run(find, owner, name, newId(), lifetimes.cacheMs));
      return { generation, text };
    },
    async remember(owner, name, generation, text) {
      await run(remember, owner, name, generation, text);
    },
    async beginWrite(owner) {
      await run(beginWrite, owner, lifetimes.cacheWriteMs);
    },
    async endWrite(owner) {
      await run(endWrite, owner);
    },
    async forget(owner) {
      await run(forget, owner);
    },
  };
}
