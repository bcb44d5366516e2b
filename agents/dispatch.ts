import { z } from 'zod';
import { turnDetections } from '../core/config/worker.ts';
import { languages } from '../domain/profile.ts';
import { dispatchMetadataSchema, firstAgentSchema } from '../domain/session.ts';

/** What a dispatch asks of the agents. `language` may be an app's own, in another form: then it is passed over. */
const dispatchSchema = dispatchMetadataSchema.extend({
  agent: firstAgentSchema.default('concierge'),
  language: z.enum(languages).optional().catch(undefined),
  turnDetection: z.enum(turnDetections).optional().catch(undefined),
});

/** What a dispatch asks for: the agent to begin with, the language to speak, how turns are found to be over. */
export type Dispatch = Pick<z.infer<typeof dispatchSchema>, 'agent' | 'language' | 'turnDetection'>;

/** Reads the metadata of a job. What can't be read asks for nothing. */
export function readDispatch(metadata: string): Dispatch {
  try {
    return dispatchSchema.parse(JSON.parse(metadata));
  } catch {
    return dispatchSchema.parse({});
  }
}
