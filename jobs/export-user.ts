import { jobPayloads } from '../domain/job.ts';
import { writeExport } from '../services/exports.ts';
import { defineJob } from './definition.ts';

/** Writes the copy of their data that a user has asked for. */
export const exportUserJob = defineJob({
  payload: jobPayloads['export-user'],
  timeLimitSeconds: 600,
  handle: writeExport,
});
