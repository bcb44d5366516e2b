import { readFileSync } from 'node:fs';
import type { OpenAPIHono } from '@hono/zod-openapi';
import { assetPath } from '../core/assets.ts';
import type { ApiEnvironment } from './environment.ts';

/** The OpenAPI 3.1 document of an app's routes (https://spec.openapis.org/oas/v3.1.0). */
export function openApiDocument(app: OpenAPIHono<ApiEnvironment>) {
  const { version }: { version: string } = JSON.parse(readFileSync(assetPath('package.json'), 'utf8'));
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    description: "An access token, an API key, an agent's session token, or a job's LiveKit join token.",
  });
  const document = app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Parley',
      version,
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    security: [{ bearer: [] }],
  });
  for (const [path, operations] of Object.entries(document.paths ?? {})) {
    for (const [method, operation] of Object.entries(operations)) operation.operationId ??= operationId(method, path);
  }
  return document;
}

/** `put /api/v1/onboarding/steps/{step}` as `putOnboardingStepsByStep`: what generated clients call it. */
function operationId(method: string, path: string): string {
  const words = path
    .replace('/api/v1', '')
    .split('/')
    .filter(Boolean)
    .map((part) => part.replace(/^\{(.*)\}$/, 'by-$1'))
    .join('-')
    .split(/[^a-zA-Z0-9]+/);
  return method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}
