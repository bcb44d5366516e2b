import { jobPayloads } from '../domain/job.ts';
import { summarizeSession } from '../services/summaries.ts';
import { defineJob } from './definition.ts';

/** Writes down what a session was about that has ended, for the agents of later ones. */
export const summarizeSessionJob = defineJob({
  payload: jobPayloads['summarize-session'],
  // Several models may be tried, each more than once.
  timeLimitSeconds: 180,
  handle: summarizeSession,
});
