import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { sizes } from '../core/limits.ts';
import {
  type OnboardingState,
  onboardingOverview,
  onboardingOverviewSchema,
  onboardingStateSchema,
} from '../domain/onboarding.ts';
import { onboardingStepIdSchema } from '../domain/onboarding-steps.ts';
import type { Services } from '../services/context.ts';
import {
  getOnboarding,
  goBackInOnboarding,
  restartOnboarding,
  saveOnboardingStep,
  skipOnboardingStep,
} from '../services/onboarding.ts';
import type { ApiEnvironment } from './environment.ts';
import { etagHeader, etagOf, ifMatch, ifNoneMatch, ifVersionsOf, isUnchanged, notModified, ownIdOf } from './etag.ts';
import { problemResponses } from './problem.ts';

const state = { headers: etagHeader, content: { 'application/json': { schema: onboardingStateSchema } } };
const params = z.object({ step: onboardingStepIdSchema });
const changed = { 200: { description: 'The state after it.', ...state }, ...problemResponses };

const get = createRoute({
  method: 'get',
  path: '/onboarding',
  description: 'The answers so far and the step that comes next.',
  parameters: [ifNoneMatch],
  responses: { 200: { description: 'The state.', ...state }, ...notModified, ...problemResponses },
});

const getSteps = createRoute({
  method: 'get',
  path: '/onboarding/steps',
  description:
    'Every step with its question in each language, and whether it is asked after the answers so far, answered, skipped, and may be skipped.',
  responses: {
    200: {
      description: 'The steps in order.',
      content: { 'application/json': { schema: onboardingOverviewSchema } },
    },
    ...problemResponses,
  },
});

const answerSchema = z
  .strictObject({ answer: z.string().max(sizes.typedMessageCharacters) })
  .meta({ id: 'OnboardingAnswer' });

const saveStep = createRoute({
  method: 'put',
  path: '/onboarding/steps/{step}',
  description:
    'Saves the answer to one step and the field of the profile it fills; a step that is not asked is a conflict.',
  parameters: [ifMatch],
  request: { params, body: { required: true, content: { 'application/json': { schema: answerSchema } } } },
  responses: changed,
});

const skipStep = createRoute({
  method: 'post',
  path: '/onboarding/steps/{step}/skip',
  description: 'Leaves a step unanswered; one that must be answered, has been, or is not asked is a conflict.',
  parameters: [ifMatch],
  request: { params },
  responses: changed,
});

const back = createRoute({
  method: 'post',
  path: '/onboarding/back',
  description: 'One step back; answers stay.',
  parameters: [ifMatch],
  responses: changed,
});

const restart = createRoute({
  method: 'post',
  path: '/onboarding/restart',
  description: 'Begins again without the answers; the profile keeps what it was filled with.',
  parameters: [ifMatch],
  responses: changed,
});

/** Routes about the onboarding. */
export function onboardingRoutes(services: Services) {
  const contextOf = (c: Context<ApiEnvironment>) => ({ ...services, actor: c.get('actor') });
  const conditionOf = (c: Context<ApiEnvironment>) => ({
    ifVersions: ifVersionsOf(c.req.header('if-match'), ownIdOf(c.get('actor'))),
  });
  const tagged = (c: Context<ApiEnvironment>, { version }: OnboardingState) =>
    c.header('etag', etagOf({ id: ownIdOf(c.get('actor')), version }));

  return (
    new OpenAPIHono<ApiEnvironment>()
      .openapi(get, async (c) => {
        const found = await getOnboarding(contextOf(c));
        const versioned = { id: ownIdOf(c.get('actor')), version: found.version };
        return isUnchanged(c, versioned) ? c.body(null, 304) : c.json(found, 200);
      })
      // Without an ETag: what it answers changes with the definition too, not with the state alone.
      .openapi(getSteps, async (c) => c.json(onboardingOverview(await getOnboarding(contextOf(c))), 200))
      .openapi(saveStep, async (c) => {
        const input = { ...c.req.valid('param'), ...c.req.valid('json'), ...conditionOf(c) };
        const saved = await saveOnboardingStep(contextOf(c), input);
        tagged(c, saved);
        return c.json(saved, 200);
      })
      .openapi(skipStep, async (c) => {
        const skipped = await skipOnboardingStep(contextOf(c), { ...c.req.valid('param'), ...conditionOf(c) });
        tagged(c, skipped);
        return c.json(skipped, 200);
      })
      .openapi(back, async (c) => {
        const moved = await goBackInOnboarding(contextOf(c), conditionOf(c));
        tagged(c, moved);
        return c.json(moved, 200);
      })
      .openapi(restart, async (c) => {
        const restarted = await restartOnboarding(contextOf(c), conditionOf(c));
        tagged(c, restarted);
        return c.json(restarted, 200);
      })
  );
}
