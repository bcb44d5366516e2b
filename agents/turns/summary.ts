import { llm } from '@livekit/agents';

const instructions = `You draft a clinical summary of a dentist's dictated note, for the dentist to check before it is used.
Write it in the language of the note, in at most five plain sentences, without headings, lists or markdown.
Keep tooth numbers, surface codes, scores and measures exactly as the note has them.
Add no finding, treatment or advice that is not in the note. Where the note says that something was not found, say so.`;

/**
 * Has a model draft a summary of a note, in one request.
 * @returns undefined when the model fails or has nothing to say; a part of a summary is none
 */
export async function draftSummary(model: llm.LLM, note: string): Promise<string | undefined> {
  let failed = false;
  // Nobody else listens while no agent uses the model, and then an error would be thrown at the process.
  const onError: llm.LLMCallbacks['error'] = ({ recoverable }) => {
    if (!recoverable) failed = true;
  };
  model.on('error', onError);
  try {
    const chatCtx = llm.ChatContext.empty();
    chatCtx.addMessage({ role: 'system', content: instructions });
    chatCtx.addMessage({ role: 'user', content: note });
    let text = '';
    for await (const chunk of model.chat({ chatCtx })) text += chunk.delta?.content ?? '';
    return failed ? undefined : text.trim() || undefined;
  } finally {
    model.off('error', onError);
  }
}
