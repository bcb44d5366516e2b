import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { OpenAPIHono } from '@hono/zod-openapi';
import { openApiDocument } from './document.ts';
import type { ApiEnvironment } from './environment.ts';

/** The files of Swagger UI the page needs, by their content type. */
const files: Readonly<Record<string, string>> = {
  'swagger-ui-bundle.js': 'text/javascript',
  'swagger-ui.css': 'text/css',
  'favicon-32x32.png': 'image/png',
};

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Parley: HTTP interface</title>
<link rel="icon" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

const start = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#page', deepLinking: true, persistAuthorization: false });\n`;

/** Swagger UI draws with inline styles and embedded pictures; scripts and requests are ours alone. */
const contentSecurityPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/**
 * `/openapi.json`, the OpenAPI document of `app`, and `/docs`, a page that shows it and lets one try it. The page loads nothing
 * from elsewhere. Both need no token.
 */
export function docsRoutes(app: OpenAPIHono<ApiEnvironment>) {
  const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  let document: string | undefined;
  return new OpenAPIHono<ApiEnvironment>()
    .get('/openapi.json', (c) => {
      document ??= JSON.stringify(openApiDocument(app));
      return c.body(document, 200, { 'content-type': 'application/json' });
    })
    .get('/docs', (c) => c.html(page, 200, { 'content-security-policy': contentSecurityPolicy }))
    .get('/docs/start.js', (c) => c.body(start, 200, { 'content-type': 'text/javascript' }))
    .get('/docs/:file', async (c) => {
      const file = c.req.param('file');
      const contentType = Object.hasOwn(files, file) ? files[file] : undefined;
      if (!contentType) return c.notFound();
      const bytes = await readFile(join(folder, file));
      return c.body(new Uint8Array(bytes), 200, { 'content-type': contentType, 'cache-control': 'max-age=86400' });
    });
}
