import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { onboardingStateSchema, onboardingStepIdSchema } from '../domain/onboarding.ts';
import type { Services } from '../services/context.ts';
import { getOnboarding, saveOnboardingStep } from '../services/onboarding.ts';
import type { ApiEnvironment } from './environment.ts';
import { problemResponses } from './problem.ts';

const state = { 'application/json': { schema: onboardingStateSchema } };

const get = createRoute({
  method: 'get',
  path: '/onboarding',
  description: 'The answers so far and the step that comes next.',
  responses: { 200: { description: 'The state.', content: state }, ...problemResponses },
});

const saveStep = createRoute({
  method: 'put',
  path: '/onboarding/steps/{step}',
  description: 'Saves the answer to one step and the field of the profile it fills.',
  request: {
    params: z.object({ step: onboardingStepIdSchema }),
    body: { required: true, content: { 'application/json': { schema: z.strictObject({ answer: z.string() }) } } },
  },
  responses: { 200: { description: 'The state with the answer.', content: state }, ...problemResponses },
});

/** Routes about the onboarding. */
export function onboardingRoutes(services: Services) {
  return new OpenAPIHono<ApiEnvironment>()
    .openapi(get, async (c) => c.json(await getOnboarding({ ...services, actor: c.get('actor') }), 200))
    .openapi(saveStep, async (c) => {
      const input = { ...c.req.valid('param'), ...c.req.valid('json') };
      return c.json(await saveOnboardingStep({ ...services, actor: c.get('actor') }, input), 200);
    });
}
