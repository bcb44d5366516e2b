import { initializeLogger, llm, voice } from '@livekit/agents';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { redactFrameworkLog, withoutPersonalData } from '../../agents/framework-log.ts';

test('cuts marked fields out of a line at any depth and leaves the rest as it was', () => {
  const line =
    '{"level":50,"lk.pii.arguments":"Robin","more":{"lk.pii.error":"Robin","function":"save"},"msg":"failed"}\n';
  expect(withoutPersonalData(line)).toBe('{"level":50,"more":{"function":"save"},"msg":"failed"}\n');
  expect(withoutPersonalData('{"level":30,"msg":"ready"}\n')).toBe('{"level":30,"msg":"ready"}\n');
  expect(withoutPersonalData('not JSON\n')).toBe('not JSON\n');
  expect(withoutPersonalData('{"lk.pii.user_input":"Rob')).toBe('');
});

test('an argument that does not fit its tool is not in what the framework logs about it', async () => {
  const { stdout } = process;
  const original = stdout.write;
  const written: string[] = [];
  stdout.write = (chunk: string | Uint8Array): boolean => written.push(String(chunk)) > 0;
  onTestFinished(() => {
    stdout.write = original;
  });
  redactFrameworkLog();
  initializeLogger({ pretty: false, level: 'warn' });
  const save = llm.tool({
    name: 'save',
    description: 'Saves a step.',
    parameters: z.object({ step: z.enum(['name']) }),
    execute: async () => 'saved',
  });
  const session = new voice.AgentSession({
    llm: new voice.testing.FakeLLM([{ input: 'hello', toolCalls: [{ name: 'save', args: { step: 'Robin' } }] }]),
    vad: null,
    turnHandling: { turnDetection: null },
  });
  await session.start({ agent: new voice.Agent({ instructions: 'Save.', tools: [save] }) });
  onTestFinished(() => session.close());
  session.generateReply({ userInput: 'hello' });
  await expect.poll(() => written.join('')).toContain('tried to call AI function save with invalid arguments');
  expect(written.join('')).not.toContain('Robin');
});
