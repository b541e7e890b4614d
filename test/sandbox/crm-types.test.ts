import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Hubspot, startHubspot } from './hubspot.ts';

let hubspot: Hubspot;
let api: ReturnType<Hubspot['api']>;
beforeAll(async () => {
  hubspot = await startHubspot();
});
afterAll(() => hubspot.close());
beforeEach(async () => {
  await hubspot.control('/reset', {});
  api = hubspot.api((await hubspot.fullAccess()).access);
});

const now = new Date().toISOString();
const types = [
  ['companies', { name: 'Co', domain: 'co.example' }, ['name', 'domain'], { city: 'Kyoto' }],
  [
    'deals',
    { dealname: 'D', pipeline: 'default', dealstage: 'closedwon' },
    ['dealname', 'pipeline', 'dealstage'],
    { amount: '5' },
  ],
  [
    'tickets',
    { subject: 'T', hs_pipeline: '0', hs_pipeline_stage: '1' },
    ['subject', 'hs_pipeline', 'hs_pipeline_stage'],
    { hs_ticket_priority: 'HIGH' },
  ],
  ['calls', { hs_timestamp: now, hs_call_title: 'C' }, ['hs_timestamp'], { hs_call_duration: '1000' }],
  [
    'emails',
    { hs_timestamp: now, hs_email_direction: 'EMAIL' },
    ['hs_timestamp', 'hs_email_direction'],
    { hs_email_subject: 'Hi' },
  ],
  ['meetings', { hs_timestamp: now }, ['hs_timestamp'], { hs_meeting_outcome: 'NO_SHOW' }],
  ['notes', { hs_timestamp: now }, ['hs_timestamp'], { hs_note_body: 'N' }],
  ['tasks', { hs_timestamp: now }, ['hs_timestamp'], { hs_task_status: 'COMPLETED' }],
] as const;

describe.each(['/crm/v3/objects', '/crm/objects/2026-03', '/crm/objects/2026-09'])('below %s', (base) => {
  it.each(types)('%s are created, changed, searched and deleted', async (plural, properties, _, change) => {
    const path = `${base}/${plural}`;
    const created = await api('POST', path, { properties, associations: [] });
    expect(created.status).toBe(201);
    const { id } = created.body;
    const changed = await api('PATCH', `${path}/${id}`, { properties: change });
    expect(changed.body.properties).toMatchObject(change);
    const [name = '', value] = Object.entries(change)[0] ?? [];
    const filters = [
      { propertyName: name, operator: 'EQ', value },
      { propertyName: 'hs_object_id', operator: 'GTE', value: '1001' },
    ];
    const found = await api('POST', `${path}/search`, { filterGroups: [{ filters }], properties: [name] });
    expect(found.body).toMatchObject({ total: 1, results: [{ id, properties: change }] });
    expect((await api('DELETE', `${path}/${id}`)).status).toBe(204);
    expect((await api('GET', `${path}/${id}`)).status).toBe(404);
  });
});

describe('the required properties of a new record', () => {
  const required = types.flatMap(([plural, properties, names]) =>
    names.map((name) => [plural, name, properties] as const),
  );
  it.each(required)('of %s: %s', async (plural, name, properties) => {
    const { [name as keyof typeof properties]: _, ...rest } = properties as Record<string, string>;
    const { status, body } = await api('POST', `/crm/objects/2026-09/${plural}`, { properties: rest });
    // A company needs a name or a domain.
    if (plural === 'companies') return expect(status).toBe(201);
    expect([status, body.category]).toEqual([400, 'VALIDATION_ERROR']);
    expect(body.message).toMatch(/^Error creating [A-Z]+. Some required properties were not set.$/);
    expect(body.errors[0].context.properties).toEqual([name]);
  });

  it('of companies: one of two', async () => {
    const { body } = await api('POST', '/crm/objects/2026-09/companies', { properties: { city: 'X' } });
    expect(body.errors[0].context.properties).toEqual(['name or domain']);
  });
});

describe('deletion', () => {
  it('of an email is permanent; others go to the recycle bin', async () => {
    const email = { hs_timestamp: now, hs_email_direction: 'EMAIL' };
    for (const [plural, properties, status] of [
      ['emails', email, 404],
      ['notes', { hs_timestamp: now }, 200],
    ] as const) {
      const path = `/crm/objects/2026-09/${plural}`;
      const { body } = await api('POST', path, { properties });
      await api('DELETE', `${path}/${body.id}`);
      expect((await api('GET', `${path}/${body.id}?archived=true`)).status).toBe(status);
    }
  });

  it('is undone by a control, unless the unique value is taken', async () => {
    const contacts = '/crm/objects/2026-09/contacts';
    await api('DELETE', `${contacts}/101`);
    const restore = () => hubspot.control('/restore', { portalId: 62515, objectId: 101 });
    expect((await restore()).body).toEqual({ portalId: 62515, objectType: 'contact', objectId: '101' });
    expect((await api('GET', `${contacts}/jane@example.com?idProperty=email`)).status).toBe(200);
    expect((await restore()).status).toBe(404);
    await api('DELETE', `${contacts}/101`);
    await api('POST', contacts, { properties: { email: 'jane@example.com' } });
    expect((await restore()).status).toBe(409);
  });

  it('is undone on the portal’s page', async () => {
    await api('DELETE', '/crm/objects/2026-09/contacts/101');
    expect((await hubspot.call('GET', '/portals/62515')).body).toContain('Recycle bin (1)');
    const path = '/portals/62515/contacts/101/restore';
    const restored = await hubspot.call('POST', path, new URLSearchParams());
    expect(restored.headers.get('location')).toBe('/portals/62515/contacts/101');
  });
});

describe('upserts by e-mail address', () => {
  it('fail as a whole, trace ids or not', async () => {
    const input = (id: string, trace: string) => ({
      id,
      idProperty: 'email',
      objectWriteTraceId: trace,
      properties: { firstname: 'F' },
    });
    const inputs = [input('bad', '1'), input('good@example.com', '2')];
    const { status } = await api('POST', '/crm/objects/2026-09/contacts/batch/upsert', { inputs });
    expect(status).toBe(400);
  });
});

describe('owners', () => {
  it.each(['/crm/v3/owners', '/crm/v3/owners/', '/crm/owners/2026-03', '/crm/owners/2026-09'])(
    'are listed at %s',
    async (path) => {
      const { body } = await api('GET', path);
      expect(body.results).toEqual([
        {
          id: '625151',
          email: 'admin@example.com',
          type: 'PERSON',
          firstName: 'Alex',
          lastName: 'Admin',
          userId: 9586504,
          userIdIncludingInactive: 9586504,
          createdAt: expect.any(String),
          updatedAt: expect.any(String),
          archived: false,
        },
        expect.objectContaining({ id: '625152' }),
      ]);
    },
  );

  it('are found by e-mail address, id and user id, in pages, and when archived', async () => {
    const owners = '/crm/owners/2026-09';
    const ids = async (query: string) =>
      (await api('GET', `${owners}?${query}`)).body.results.map(({ id }: { id: string }) => id);
    expect(await ids('email=sales@example.com')).toEqual(['625152']);
    expect(await ids('email=Sales@EXAMPLE.com')).toEqual(['625152']);
    const first = await api('GET', `${owners}?limit=1`);
    expect(await ids(`limit=1&after=${first.body.paging.next.after}`)).toEqual(['625152']);
    expect(await ids('archived=true')).toEqual(['625153']);
    expect((await api('GET', `${owners}/625151`)).body.email).toBe('admin@example.com');
    expect((await api('GET', `${owners}/9586504?idProperty=userId`)).body.id).toBe('625151');
    expect((await api('GET', `${owners}/625153`)).status).toBe(404);
    const former = (await api('GET', `${owners}/625153?archived=true`)).body;
    expect(former).not.toHaveProperty('userId');
    expect(former.userIdIncludingInactive).toBe(9586506);
  });

  it('need their scope', async () => {
    const { access } = await hubspot.install(62516);
    expect((await hubspot.api(access)('GET', '/crm/v3/owners')).status).toBe(403);
  });
});
