/** How often a route may be asked. */
export interface RateLimit {
  /** Requests in a window, before `RATE_LIMIT_SCALE`. */
  points: number;
  /** Length of the window, which begins with the first request. */
  seconds: number;
  /** Who shares a count. An IPv6 address counts with its /64, which is what one customer has. */
  by: 'actor' | 'address' | 'email' | 'address-and-email';
}

/** Every limit, by name. Many people may share an address, so theirs are wide; nobody shares an account. */
export const rateLimits = {
  /** Requests whose token or password is refused, whatever their route. */
  refused: { points: 100, seconds: 300, by: 'address' },
  /** Pages for developers. */
  page: { points: 300, seconds: 60, by: 'address' },
  /** Signing in, whichever way. */
  'sign-in': { points: 300, seconds: 300, by: 'address' },
  password: { points: 10, seconds: 300, by: 'address-and-email' },
  /** Nobody's mailbox is filled, from however many addresses. */
  mail: { points: 5, seconds: 900, by: 'email' },
  token: { points: 120, seconds: 60, by: 'actor' },
  read: { points: 1_200, seconds: 60, by: 'actor' },
  write: { points: 600, seconds: 60, by: 'actor' },
  /** Codes that phones try; a pairing locks its own after five. */
  claim: { points: 30, seconds: 300, by: 'actor' },
  /** WebSockets that are opened. */
  socket: { points: 120, seconds: 60, by: 'address' },
  /** Reading all there is about somebody is work. */
  export: { points: 5, seconds: 3_600, by: 'actor' },
  /** A file of thousands of terms. */
  import: { points: 60, seconds: 3_600, by: 'actor' },
  /** A vendor is paid for each. */
  transcription: { points: 60, seconds: 3_600, by: 'actor' },
  /** What an agent sends about its call by itself. */
  call: { points: 1_200, seconds: 60, by: 'actor' },
} as const satisfies Record<string, RateLimit>;

/** Name of a limit. */
export type RateLimitName = keyof typeof rateLimits;

/** The limits of each route, method and path as they are registered. A route that is missing fails a test. */
export const routeLimits: Readonly<Record<string, readonly RateLimitName[]>> = {
  'GET /healthz': [],
  'GET /readyz': [],
  // Who isn't a LiveKit server is refused, and that is counted.
  'POST /webhooks/livekit': [],
  'GET /docs': ['page'],
  'GET /docs/start.js': ['page'],
  'GET /docs/:file': ['page'],
  'GET /openapi.json': ['page'],

  'POST /api/v1/auth/magic-links': ['sign-in', 'mail'],
  'POST /api/v1/auth/magic-links/redeem': ['sign-in'],
  'POST /api/v1/auth/password': ['sign-in', 'password'],
  'POST /api/v1/auth/refresh': ['sign-in'],
  'POST /api/v1/auth/sign-out': ['write'],
  'PUT /api/v1/me/password': ['write'],

  'POST /api/v1/token': ['token'],
  'GET /api/v1/me': ['read'],
  'POST /api/v1/me/exports': ['write', 'export'],
  'GET /api/v1/me/exports/:id': ['read'],
  'GET /api/v1/profiles/me': ['read'],
  'PATCH /api/v1/profiles/me': ['write'],
  'GET /api/v1/preferences': ['read'],
  'PUT /api/v1/preferences': ['write'],
  'PATCH /api/v1/preferences': ['write'],
  'GET /api/v1/onboarding': ['read'],
  'GET /api/v1/onboarding/steps': ['read'],
  'PUT /api/v1/onboarding/steps/:step': ['write'],
  'POST /api/v1/onboarding/steps/:step/skip': ['write'],
  'POST /api/v1/onboarding/back': ['write'],
  'POST /api/v1/onboarding/restart': ['write'],
  'GET /api/v1/context': ['read'],
  'GET /api/v1/facts': ['read'],
  'POST /api/v1/facts': ['write'],
  'POST /api/v1/facts/:id/keep': ['write'],
  'DELETE /api/v1/facts/:id': ['write'],

  'POST /api/v1/sessions': ['token'],
  'GET /api/v1/sessions': ['read'],
  'GET /api/v1/sessions/:id': ['read'],
  'PATCH /api/v1/sessions/:id': ['write'],
  'POST /api/v1/sessions/:id/end': ['write'],
  'POST /api/v1/sessions/accept': ['call'],
  'POST /api/v1/sessions/claim': ['call'],
  'POST /api/v1/sessions/:id/heartbeat': ['call'],
  'DELETE /api/v1/sessions/:id/lease': ['call'],
  'GET /api/v1/sessions/:id/lease/connection': ['call'],
  'PUT /api/v1/sessions/:id/checkpoint': ['call'],
  'GET /api/v1/sessions/:id/turns': ['read'],
  'POST /api/v1/sessions/:id/turns': ['call'],
  'GET /api/v1/sessions/:id/summary': ['read'],
  'GET /api/v1/sessions/:id/note': ['read'],
  'POST /api/v1/sessions/:id/note/operations': ['call'],

  'POST /api/v1/pairings': ['token'],
  'GET /api/v1/pairings': ['read'],
  'POST /api/v1/pairings/claim': ['claim'],
  'GET /api/v1/pairings/:id': ['read'],
  'DELETE /api/v1/pairings/:id': ['write'],
  'POST /api/v1/pairings/:id/code': ['write'],
  'POST /api/v1/pairings/:id/token': ['token'],

  'GET /api/v1/reminders': ['read'],
  'POST /api/v1/reminders': ['write'],
  'GET /api/v1/reminders/:id': ['read'],
  'DELETE /api/v1/reminders/:id': ['write'],
  'POST /api/v1/reminders/:id/told': ['call'],
  'GET /api/v1/devices': ['read'],
  'POST /api/v1/devices': ['write'],
  'GET /api/v1/devices/:id': ['read'],
  'PATCH /api/v1/devices/:id': ['write'],
  'DELETE /api/v1/devices/:id': ['write'],
  'GET /api/v1/consents': ['read'],
  'POST /api/v1/consents': ['write'],
  'GET /api/v1/lexicons/:pack/entries': ['read'],
  'POST /api/v1/lexicons/:pack/entries': ['write'],
  'GET /api/v1/lexicons/:pack/entries/:id': ['read'],
  'PATCH /api/v1/lexicons/:pack/entries/:id': ['write'],
  'DELETE /api/v1/lexicons/:pack/entries/:id': ['write'],
  'GET /api/v1/lexicons/:pack/effective': ['read'],
  'GET /api/v1/lexicons/:pack/export': ['read'],
  'POST /api/v1/lexicons/:pack/import': ['write', 'import'],
  'POST /api/v1/lexicons/:pack/corrections': ['write'],
  'POST /api/v1/transcriptions': ['write', 'transcription'],
  'GET /api/v1/api-keys': ['read'],
  'POST /api/v1/api-keys': ['write'],
  'DELETE /api/v1/api-keys/:id': ['write'],
};
