import type { AgentName } from '../call.ts';
import type { AgentOptions, SpokenAgent } from '../turns/spoken-agent.ts';
import { Companion } from './companion.ts';
import { Concierge } from './concierge.ts';
import { Dictation } from './dictation.ts';
import { Onboarding } from './onboarding.ts';
import { Oracy } from './oracy.ts';
import { Scout } from './scout.ts';

/** Makes an agent by name. */
export function rosterAgent(name: AgentName, options?: AgentOptions): SpokenAgent {
  switch (name) {
    case 'companion':
      return new Companion(options);
    case 'concierge':
      return new Concierge(options);
    case 'dictation':
      return new Dictation(options);
    case 'onboarding':
      return new Onboarding(options);
    case 'oracy':
      return new Oracy(options);
    case 'scout':
      return new Scout(options);
  }
}
