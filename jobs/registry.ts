import { closeAbandonedSessions } from './close-abandoned-sessions.ts';
import type { JobRegistry } from './definition.ts';

/** Every job of the service. */
export const jobs = {
  'close-abandoned-sessions': closeAbandonedSessions,
} satisfies JobRegistry;
