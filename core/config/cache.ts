import { url } from './environment.ts';

/** Names the Redis that processes share: cached rows and counts of requests, nothing that can't be made anew. */
export const cacheVariables = {
  REDIS_URL: url('redis', 'rediss').optional(),
};
