import { text, url } from './environment.ts';

/** Variables of the recogniser of files; without a key there is none. */
export const transcriptionVariables = {
  OPENAI_API_KEY: text.optional(),
  OPENAI_BASE_URL: url('http', 'https').default('https://api.openai.com/v1'),
  MODEL_ID: text.transform((id) => id.replace(/^openai\//, '')).default('gpt-4o-transcribe'),
};

/** The recogniser of files: OpenAI's transcriptions endpoint, or a server that speaks its protocol. */
export interface TranscriptionConfig {
  apiKey: string;
  /** With the version: `https://api.openai.com/v1`. */
  baseUrl: string;
  /** Without the prefix `openai/`. */
  model: string;
}

/** The settings of those variables; undefined without a key. */
export function transcriptionOf(e: {
  OPENAI_API_KEY?: string;
  OPENAI_BASE_URL: string;
  MODEL_ID: string;
}): TranscriptionConfig | undefined {
  return e.OPENAI_API_KEY === undefined
    ? undefined
    : { apiKey: e.OPENAI_API_KEY, baseUrl: e.OPENAI_BASE_URL, model: e.MODEL_ID };
}
