import type { Turn } from '../domain/conversation.ts';
import type { OnboardingState } from '../domain/onboarding.ts';
import type { Profile } from '../domain/profile.ts';
import type { TokenResponse } from '../domain/token.ts';
import type { Scenario } from './scenario.ts';

/** Where the API is asked, and as whom. */
export interface ApiAccess {
  apiUrl: string;
  /** Of the person. */
  token: string;
}

/** What the API keeps of a call. */
export interface KeptState {
  turns: Turn[];
  profile: Pick<Profile, 'preferredName' | 'goal' | 'language'>;
  onboarding: Pick<OnboardingState, 'answers' | 'currentStep'>;
  /** The dictated note as text; null when nothing was dictated. */
  note: string | null;
}

/** Gives a new person the profile and the onboarding a scenario begins with. */
export async function prepareCaller(api: ApiAccess, { profile, onboarding }: Scenario): Promise<void> {
  for (const [step, answer] of Object.entries(onboarding.answers)) {
    await ask(api, 'PUT', `/onboarding/steps/${step}`, { answer });
  }
  for (const step of onboarding.skipped) await ask(api, 'POST', `/onboarding/steps/${step}/skip`);
  // Last, since an answer fills the profile too.
  const { preferred_name: preferredName, goal, language } = profile;
  if (Object.keys(profile).length) await ask(api, 'PATCH', '/profiles/me', { preferredName, goal, language });
}

/** A token for a new room with the agent of a scenario. */
export async function enterRoom(
  api: ApiAccess & { agentName: string },
  { modality, agent, language }: Scenario,
): Promise<TokenResponse> {
  const metadata = JSON.stringify({ modality, agent, language });
  const response = await ask(api, 'POST', '/token', {
    room_config: { agents: [{ agent_name: api.agentName, metadata }] },
  });
  return (await response.json()) as TokenResponse;
}

/** Reads what is kept of a call. */
export async function readState(api: ApiAccess, sessionId: string): Promise<KeptState> {
  const read = async <Answer>(path: string) => (await (await ask(api, 'GET', path)).json()) as Answer;
  const [{ turns }, profile, onboarding, note] = await Promise.all([
    read<{ turns: Turn[] }>(`/sessions/${sessionId}/turns`),
    read<Profile>('/profiles/me'),
    read<OnboardingState>('/onboarding'),
    request(api, 'GET', `/sessions/${sessionId}/note`, { accept: 'text/plain' }),
  ]);
  return { turns, profile, onboarding, note: note.ok ? await note.text() : null };
}

async function ask(api: ApiAccess, method: string, path: string, body?: object): Promise<Response> {
  const response = await request(api, method, path, {
    ...(body && { body: JSON.stringify(body), type: 'application/json' }),
  });
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`);
  return response;
}

function request(
  { apiUrl, token }: ApiAccess,
  method: string,
  path: string,
  { body, type, accept }: { body?: string; type?: string; accept?: string } = {},
): Promise<Response> {
  const headers = {
    authorization: `Bearer ${token}`,
    ...(type && { 'content-type': type }),
    ...(accept && { accept }),
  };
  return fetch(`${apiUrl}/api/v1${path}`, { method, headers, body });
}
