import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../core/ids.ts';
import { sizes } from '../../core/limits.ts';
import { audioFormats, transcriptionSchema } from '../../domain/transcription.ts';
import { addLexiconEntry } from '../../services/lexicons.ts';
import { updateProfile } from '../../services/profiles.ts';
import { transcribe } from '../../services/transcriptions.ts';
import { type Mark, syntheticRecording, wavFile } from '../support/recordings.ts';
import { eventsOf, formOf, openTranscriptionWorld, type TranscriptionWorld } from './transcription-world.ts';

/** What is said at each second of a recording. */
const said = [
  { mark: '<tooth>', text: 'element zesentwintig mesiaal' },
  { mark: '<term>', text: 'een blorfje' },
  { mark: '<end>', text: 'klaar' },
];
const at = (...seconds: number[]): Mark[] =>
  seconds.map((atSeconds, index) => ({ atSeconds, mark: said[index]?.mark ?? '' }));

const blorf = { canonical: 'Blorfium', category: 'material', variants: ['blorfje'] };

let api: TranscriptionWorld;
let short: Uint8Array;
let long: Uint8Array;
beforeAll(async () => {
  api = await openTranscriptionWorld(said);
  api.sandbox.settings.delays.transcriptionMs = 0;
  short = await syntheticRecording('webm', { seconds: 4, marks: at(1, 2) });
  long = await syntheticRecording('m4a', { seconds: 25, marks: at(1, 12, 24) });
});
afterAll(() => api.close());
afterEach(() => {
  api.sandbox.settings.setFailure('openai', null);
  expect(api.sandbox.log.events({ event: 'unexpected-request' })).toEqual([]);
});

const newToken = async () => api.tokenOf(await api.world.newUser());
const transcriptionOf = async (answer: Response) => transcriptionSchema.parse(await answer.json());
const received = () => api.sandbox.log.events({ vendor: 'openai', event: 'request-received' });

describe('a recording', () => {
  it('is written down in the notation of its pack, with raw text and edits', async () => {
    const answer = await api.send(await newToken(), formOf(short, { language: 'nl' }));
    expect(answer.status).toBe(200);
    const body = await transcriptionOf(answer);
    const raw = 'element zesentwintig mesiaal een blorfje';
    expect(body).toMatchObject({ raw, language: 'nl', pack: 'nl-dental', durationSeconds: expect.closeTo(4, 0) });
    expect(body.text).toContain('26 M');
    expect(body.segments).toEqual([{ startSeconds: 0, endSeconds: body.durationSeconds, raw, text: body.text }]);
    for (const { input, output } of body.edits) {
      expect(body.raw.slice(input.start, input.end)).not.toBe(body.text.slice(output.start, output.end));
    }
    expect(received().at(-1)).toMatchObject({ extension: 'webm', language: 'nl' });
  });

  it.each(audioFormats)('is taken as %s, whatever it is called', async (format) => {
    const marks = at(0.5);
    const audio =
      format === 'wav' ? wavFile(new Int16Array(16_000)) : await syntheticRecording(format, { seconds: 2, marks });
    const answer = await api.send(await newToken(), formOf(audio, { language: 'nl' }, 'letter.pdf'));
    expect(answer.status).toBe(200);
    expect((await transcriptionOf(answer)).raw).toBe(format === 'wav' ? '' : said[0]?.text);
    expect(received().at(-1)).toMatchObject({ extension: format });
  });

  it("is written with the user's terms before the tenant's, which the recogniser is told of", async () => {
    const user = await api.world.newUser(await api.world.newTenant());
    const admin = api.world.context({ ...user, roles: ['admin'] } as const);
    const shared = { ...blorf, canonical: 'Tenantblorf' };
    await addLexiconEntry(admin, { owner: 'tenant', pack: 'nl-dental', entry: shared });
    const token = await api.tokenOf(user);
    const text = async () => (await transcriptionOf(await api.send(token, formOf(short, { pack: 'nl-dental' })))).text;
    expect(await text()).toContain('een Tenantblorf');
    await addLexiconEntry(admin, { owner: 'user', pack: 'nl-dental', entry: blorf });
    expect(await text()).toContain('een Blorfium');
    const [first, second] = String(received().at(-1)?.prompt).split(', ');
    expect([first, second]).toEqual(['Blorfium', 'Tenantblorf']);
  });

  it("takes the user's language where none is told, and no pack where there is none for it", async () => {
    const user = await api.world.newUser();
    const token = await api.tokenOf(user);
    const manner = async (fields = {}) => {
      const { language, pack } = await transcriptionOf(await api.send(token, formOf(short, fields)));
      return [language, pack];
    };
    expect(await manner()).toEqual([null, null]);
    await updateProfile(api.world.context(user), { changes: { language: 'nl' } });
    expect(await manner()).toEqual(['nl', 'nl-dental']);
    expect(await manner({ language: 'de-AT' })).toEqual(['de-AT', null]);
    expect(await manner({ pack: 'en-general' })).toEqual(['en', 'en-general']);
  });

  it('is no more language than is known where the user is gone', async () => {
    const context = { ...api.services, actor: { ...(await api.world.newUser()), userId: newId() } };
    const signal = new AbortController().signal;
    const receive = async () => ({ audio: Uint8Array.from(short), fields: {} });
    expect(await transcribe(context, { receive, signal })).toMatchObject({ language: null, pack: null });
  });

  it('is not transcribed where nothing does', async () => {
    const context = { ...api.services, transcription: undefined, actor: await api.world.newUser() };
    const receive = () => Promise.reject(new Error('nothing should be received'));
    await expect(transcribe(context, { receive, signal: new AbortController().signal })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('OPENAI_API_KEY'),
    });
  });
});

describe('a long recording', () => {
  it('goes to the recogniser piece by piece, each told how the one before ended', async () => {
    const before = received().length;
    const form = formOf(long, { language: 'nl', prompt: 'mevrouw' });
    const body = await transcriptionOf(await api.send(await newToken(), form));
    expect(body.raw).toBe(said.map(({ text }) => text).join(' '));
    expect(body.segments).toHaveLength(3);
    expect(body.segments.map(({ raw }) => raw)).toEqual(said.map(({ text }) => text));
    const prompts = received()
      .slice(before)
      .map(({ prompt }) => String(prompt));
    expect(prompts[0]).toMatch(/\. mevrouw$/);
    expect(prompts[1]).toMatch(/\. mevrouw\. element zesentwintig mesiaal$/);
    expect(prompts[2]).toMatch(/\. mevrouw\. een blorfje$/);
  });

  it('is told about as it goes on', async () => {
    const answer = await api.send(await newToken(), formOf(long, { language: 'nl' }), { accept: 'text/event-stream' });
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
    const events = await eventsOf(answer);
    expect(events.map(({ event }) => event)).toEqual([
      ...['progress', 'segment', 'progress', 'segment', 'progress', 'segment', 'result'],
    ]);
    expect(events[2]?.data).toMatchObject({ segment: 2, segments: 3 });
    expect(events[3]?.data).toMatchObject({ segment: 2, raw: 'een blorfje' });
    expect(events.at(-1)?.data).toMatchObject({ raw: said.map(({ text }) => text).join(' '), pack: 'nl-dental' });
  });

  it('ends with a problem when the recogniser fails under way', async () => {
    api.sandbox.settings.setFailure('openai', { mode: 'overload' });
    const answer = await api.send(await newToken(), formOf(long), { accept: 'text/event-stream' });
    expect(answer.status).toBe(200);
    const events = await eventsOf(answer);
    expect(events.map(({ event }) => event)).toEqual(['progress', 'error']);
    expect(events.at(-1)?.data).toMatchObject({ status: 503, code: 'unavailable', requestId: expect.any(String) });
  });

  it.each(['application/json', 'text/event-stream'])('is given up when the client leaves (%s)', async (accept) => {
    api.sandbox.settings.setFailure('openai', { mode: 'hang' });
    const closed = () => api.sandbox.log.events({ event: 'request-closed' }).length;
    const [asked, ended] = [received().length, closed()];
    const gone = new AbortController();
    const token = await newToken();
    const answer = api.send(token, formOf(long), { accept, signal: gone.signal }).then((response) => response.text());
    answer.catch(() => undefined);
    await expect.poll(() => received().length).toBe(asked + 1);
    gone.abort();
    await expect(answer).rejects.toThrow();
    await expect.poll(closed).toBe(ended + 1);
    // Its place is free again: two of one user fit in.
    api.sandbox.settings.setFailure('openai', null);
    await expect.poll(async () => (await api.send(token, formOf(short))).status).toBe(200);
  });
});

describe('what is refused', () => {
  const refusal = async (form: FormData, accept?: string) => {
    const before = received().length;
    const answer = await api.send(await newToken(), form, { accept });
    expect(received()).toHaveLength(before);
    const problem = (await answer.json()) as { code: string; detail: string };
    return { ...problem, status: answer.status };
  };

  it.each<[string, Record<string, string>, RegExp]>([
    ['an unknown field', { model: 'whisper-1' }, /^model: is not a field a client may set/],
    ['a language that is none', { language: 'Dutch!' }, /^language: is no BCP 47 tag/],
    ['a pack there is not', { pack: 'nl-legal' }, /^pack: is not one of: nl-dental, en-general/],
    ['a pack of another language', { pack: 'nl-dental', language: 'en-GB' }, /^pack: is for the language nl/],
    ['a long prompt', { prompt: 'x'.repeat(sizes.promptCharacters + 1) }, /^prompt: is longer than/],
    ['a very long prompt', { prompt: 'x'.repeat(20_000) }, /^prompt: is longer than/],
  ])('%s, by its name', async (_name, fields, detail) => {
    for (const accept of ['application/json', 'text/event-stream']) {
      expect(await refusal(formOf(short, fields), accept)).toMatchObject({
        status: 400,
        code: 'invalid_input',
        detail: expect.stringMatching(detail),
      });
    }
  });

  it('a form without a recording, or with two, or with other files', async () => {
    const form = new FormData();
    form.set('language', 'nl');
    expect(await refusal(form)).toMatchObject({ status: 400, detail: 'file: is missing' });
    form.set('file', 'a text');
    expect(await refusal(form)).toMatchObject({ status: 400, detail: expect.stringMatching(/^file: is text/) });
    const two = formOf(short);
    two.append('file', new Blob(['another']), 'b.wav');
    expect(await refusal(two)).toMatchObject({ status: 400, detail: 'file: is one file too many' });
    const other = new FormData();
    other.set('picture', new Blob(['one']), 'a.png');
    expect(await refusal(other)).toMatchObject({ status: 400, detail: 'picture: is not a file this takes' });
    const twice = formOf(short, { language: 'nl' });
    twice.append('language', 'en');
    expect(await refusal(twice)).toMatchObject({ status: 400, detail: 'language: is there twice' });
    const many = formOf(short, Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`f${index}`, 'x'])));
    expect(await refusal(many)).toMatchObject({ status: 400, detail: 'The form has more than 16 fields' });
  });

  it.each([
    ['nothing', new Uint8Array(0), 400, 'file: is empty'],
    ['text that is called a recording', Buffer.from('a letter '.repeat(99)), 415, /WAV, MP3, WebM or M4A/],
    ['half of a recording', () => long.subarray(0, long.length >> 1), 400, /^file: (ends before its end|has no audio)/],
  ])('%s', async (_name, audio, status, detail) => {
    const bytes = typeof audio === 'function' ? audio() : audio;
    expect(await refusal(formOf(bytes, {}, 'a.wav'))).toMatchObject({ status, detail: expect.stringMatching(detail) });
  });

  it('a recording that is too large, when its length is told and when it is not', async () => {
    const large = formOf(new Uint8Array(sizes.recordingBytes + 1));
    expect(await refusal(large)).toMatchObject({
      status: 413,
      code: 'too_large',
      detail: 'file: is larger than 25 MiB',
    });
    const { body, headers } = new Response(large);
    const answer = await fetch(api.url, {
      method: 'POST',
      body,
      duplex: 'half',
      headers: { authorization: `Bearer ${await newToken()}`, 'content-type': headers.get('content-type') ?? '' },
    } as RequestInit);
    expect(answer.status).toBe(413);
    const padded = formOf(short, { prompt: 'x'.repeat(sizes.recordingBytes + sizes.requestBodyBytes) });
    expect(await refusal(padded)).toMatchObject({ status: 413 });
  });

  it('a body that is no form, or a broken one', async () => {
    const post = async (body: string, contentType: string) => {
      const headers = { authorization: `Bearer ${await newToken()}`, 'content-type': contentType };
      const answer = await fetch(api.url, { method: 'POST', body, headers });
      return { ...((await answer.json()) as { code: string; detail: string }), status: answer.status };
    };
    expect(await post('{}', 'application/json')).toMatchObject({ status: 415, code: 'unsupported_type' });
    expect(await post('', 'multipart/form-data')).toMatchObject({
      status: 400,
      detail: expect.stringContaining('no boundary'),
    });
    const unfinished = '--b\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF';
    expect(await post(unfinished, 'multipart/form-data; boundary=b')).toMatchObject({
      status: 400,
      detail: 'The form is broken, or ends before its end',
    });
    expect(await post('', 'multipart/form-data; boundary=b')).toMatchObject({ status: 400 });
  });

  it('a recording of whom it is not for, before it is read', async () => {
    const answer = await fetch(api.url, { method: 'POST', body: formOf(short) });
    expect(answer.status).toBe(401);
  });

  it('a third one of a user while two are under way', async () => {
    api.sandbox.settings.setFailure('openai', { mode: 'hang' });
    const token = await newToken();
    const gone = new AbortController();
    const before = received().length;
    const two = [0, 1].map(() => api.send(token, formOf(short), { signal: gone.signal }).catch(() => undefined));
    await expect.poll(() => received().length).toBe(before + 2);
    const third = await api.send(token, formOf(short));
    expect([third.status, third.headers.get('retry-after')]).toEqual([429, '10']);
    gone.abort();
    await Promise.all(two);
  });
});
