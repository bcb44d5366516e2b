import { llm } from '@livekit/agents';
import type { Call } from '../call.ts';

/** Tool: what is stored about the caller, fresh from the backend. */
export const getProfile = llm.tool({
  name: 'get_profile',
  description: 'Returns what is stored about the caller: preferred name, goal, language. Null means not known.',
  execute: async (_input, { ctx }: llm.ToolOptions<Call>) => {
    const { preferredName, goal, language } = await ctx.userData.backend.profile();
    return { preferredName, goal, language };
  },
});
