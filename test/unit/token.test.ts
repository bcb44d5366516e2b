import { describe, expect, it } from 'vitest';
import { sizes } from '../../core/limits.ts';
import { dispatchMetadataSchema } from '../../domain/session.ts';
import { tokenRequestSchema } from '../../domain/token.ts';

describe('a token request', () => {
  it.each([
    {},
    { room_name: 'lesson_1.a-b' },
    { room_config: {} },
    { room_config: { agents: [] } },
    { participant_metadata: '', participant_attributes: { plan: 'free' } },
  ])('may be %j', (body) => {
    expect(tokenRequestSchema.safeParse(body).data).toEqual(body);
  });

  it("fills in what LiveKit's clients leave out of an agent", () => {
    const { data } = tokenRequestSchema.safeParse({ room_config: { agents: [{}] } });
    expect(data?.room_config?.agents).toEqual([{ agent_name: '', metadata: '' }]);
  });

  it.each([
    { room_name: '' },
    { room_name: 'a/b' },
    { room_name: 'x'.repeat(129) },
    { participant_metadata: 'x'.repeat(sizes.metadataCharacters + 1) },
    { participant_attributes: { a: 'x'.repeat(sizes.attributeCharacters + 1) } },
    { participant_attributes: { '': 'x' } },
    { room_config: { agents: [{}, {}] } },
    { room_config: { egress: {} } },
    { room_config: { metadata: 'x' } },
    { can_publish: true },
  ])('may not be %j', (body) => {
    expect(tokenRequestSchema.safeParse(body).success).toBe(false);
  });
});

describe('the metadata of a dispatch', () => {
  it('means voice unless it says otherwise, and keeps what is the app’s', () => {
    expect(dispatchMetadataSchema.parse({ lesson: 7 })).toEqual({ modality: 'voice', lesson: 7 });
    expect(dispatchMetadataSchema.parse({ modality: 'text' })).toEqual({ modality: 'text' });
    expect(dispatchMetadataSchema.safeParse({ modality: 'smell' }).success).toBe(false);
  });
});
