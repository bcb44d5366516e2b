import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { usageOf } from '../../bench/cpu-and-memory.ts';
import { figuresOf, tablesOf } from '../../bench/voice-figures.ts';
import { cough, interruptionOf, silenceAfter } from '../../bench/voice-interruptions.ts';
import { installPeer } from '../../bench/voice-peers.ts';
import { timesOf } from '../../bench/voice-turns.ts';
import type { SandboxEvent } from '../../sandbox/log.ts';
import type { Vendor } from '../../sandbox/settings.ts';

const event = (vendor: Vendor, name: string, atMs: number, details: object = {}): SandboxEvent => ({
  atMs,
  vendor,
  event: name,
  connection: 1,
  ...details,
});

/** Frames of 10 ms from one moment up to another, of one loudness. */
const frames = (fromMs: number, untilMs: number, loudness = 2_000) =>
  Array.from({ length: (untilMs - fromMs) / 10 }, (_, index) => ({ at: fromMs + index * 10, loudness }));

const heard = (...pieces: ReturnType<typeof frames>[]) => ({
  voicedAtMs: pieces.flat().map(({ at }) => at),
  loudness: pieces.flat().map(({ loudness }) => loudness),
});

describe('the times of a turn', () => {
  const turn = { begunAtMs: 0, saidAtMs: 2_000, answeredAtMs: 2_600 };

  test('are read from what was heard back to the final transcript', () => {
    const events = [
      event('deepgram', 'final-sent', 2_170, { words: 5, lastVoicedAtMs: 2_050 }),
      event('anthropic', 'request-received', 2_180, { connection: 4 }),
      event('anthropic', 'first-token-sent', 2_430, { connection: 4 }),
      event('cartesia', 'context-started', 2_450, { contextId: 'a' }),
      event('cartesia', 'first-audio-sent', 2_530, { contextId: 'a' }),
    ];
    expect(timesOf(events, turn)).toEqual({
      ...{ voiceToVoiceMs: 600, uplinkMs: 50, sttMs: 120, decisionMs: 10 },
      ...{ llmMs: 250, textMs: 20, ttsMs: 80, playoutMs: 70 },
    });
  });

  test('of an answer begun ahead are those of the request whose words were heard', () => {
    const events = [
      event('anthropic', 'request-received', 1_500, { connection: 4 }),
      event('anthropic', 'request-received', 1_900, { connection: 5 }),
      event('anthropic', 'first-token-sent', 1_750, { connection: 4 }),
      event('deepgram', 'final-sent', 2_100, { words: 0, lastVoicedAtMs: 2_020 }),
      event('anthropic', 'first-token-sent', 2_150, { connection: 5 }),
      event('deepgram', 'final-sent', 2_170, { words: 5, lastVoicedAtMs: 2_050 }),
      event('cartesia', 'context-started', 2_180, { contextId: 'b' }),
      event('cartesia', 'first-audio-sent', 2_260, { contextId: 'b' }),
    ].sort((one, other) => one.atMs - other.atMs);
    const times = timesOf(events, turn);
    expect(times).toMatchObject({ decisionMs: -270, llmMs: 250, textMs: 30, ttsMs: 80, playoutMs: 340 });
    const { voiceToVoiceMs, ...stages } = times;
    expect(Object.values(stages).reduce((sum, stage) => sum + stage)).toBe(voiceToVoiceMs);
  });

  test('say which event is missing', () => {
    expect(() => timesOf([], turn)).toThrow('no first-audio-sent of cartesia');
  });
});

describe('an interruption', () => {
  test('ends with the last voiced frame before a silence, whatever is said after it', () => {
    const agent = heard(frames(0, 3_140), frames(4_000, 5_000));
    expect(interruptionOf(agent, 3_000)).toEqual({ duckedMs: 130, stoppedMs: 130 });
  });

  test('ducks before it stops', () => {
    const agent = heard(frames(0, 3_100), frames(3_100, 3_400, 300));
    expect(interruptionOf(agent, 3_000)).toEqual({ duckedMs: 90, stoppedMs: 390 });
  });

  test('is not over in a silence between two words', () => {
    const agent = heard(frames(0, 3_100), frames(3_300, 3_500));
    expect(interruptionOf(agent, 3_000).stoppedMs).toBe(490);
  });
});

describe('a sound', () => {
  test('that does not move an agent leaves no silence', () => {
    expect(silenceAfter(heard(frames(0, 5_000)), 1_000)).toBe(0);
  });

  test('that makes it pause leaves one', () => {
    expect(silenceAfter(heard(frames(0, 1_300), frames(1_800, 5_000)), 1_000)).toBe(510);
  });

  test('that ends what it says leaves it silent', () => {
    expect(silenceAfter(heard(frames(0, 1_300)), 1_000)).toBeUndefined();
  });

  test('is the same in each run, short, and loud enough to be heard', () => {
    const sounds = [0, 1, 2, 3, 4].map(cough);
    for (const sound of sounds) {
      expect(sound.length / 16).toBeGreaterThanOrEqual(150);
      expect(sound.length / 16).toBeLessThan(240);
      expect(Math.max(...sound)).toBeGreaterThan(2_000);
    }
    expect(cough(3)).toEqual(sounds[3]);
    expect(cough(4)).not.toEqual(sounds[3]);
  });
});

test('a peer that can not be installed says why', async () => {
  const cache = await mkdtemp(join(tmpdir(), 'parley-bench-'));
  onTestFinished(async () => {
    vi.unstubAllEnvs();
    await rm(cache, { recursive: true });
  });
  vi.stubEnv('XDG_CACHE_HOME', cache);
  vi.stubEnv('PATH', cache);
  await expect(installPeer('pipecat', () => {})).rejects.toThrow("can't be installed: spawn python3 ENOENT");
});

test('the figures say what was not measured, and why', () => {
  const findings = {
    mediaPathMs: [100, 110],
    rows: [{ name: 'peer', endOfTurn: 'model off', load: [], notMeasured: { all: "can't be installed: no network" } }],
  };
  expect(figuresOf(findings)).toMatchObject({ mediaPathMs: { p50: 105 }, rows: [{ turns: 0 }] });
  expect(tablesOf(findings)).toContain("peer, all: can't be installed: no network");
});

test.skipIf(process.platform !== 'linux')('CPU and memory are those of a whole process group', async () => {
  const busy =
    'const end = Date.now() + 400; while (Date.now() < end); console.log("done"); setInterval(() => {}, 1e6)';
  const child = spawn(process.execPath, ['-e', busy], { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(child.stdout, 'data');
    const { cpuSeconds, memoryMb } = usageOf([child.pid as number]);
    expect(cpuSeconds).toBeGreaterThan(0.03);
    expect(cpuSeconds).toBeLessThan(2);
    expect(memoryMb).toBeGreaterThan(5);
    expect(memoryMb).toBeLessThan(300);
  } finally {
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
});
