import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { crmCommands } from '../../../app/cli/crm.ts';
import type { CrmRecord } from '../../../app/hubspot/apis/crm-record.ts';
import { valueBefore } from '../../../app/hubspot/apis/property-history.ts';
import { runInProcess } from '../../cli/in-process.ts';
import { type CrmWorld, startCrmWorld } from '../../helpers/crm-world.ts';

describe('property history', () => {
  let world: CrmWorld;
  let hubspot: CrmWorld['hubspot'];
  beforeAll(async () => {
    world = await startCrmWorld();
    hubspot = world.hubspot;
  });
  afterAll(() => world.close());

  const valuesOf = ({ propertiesWithHistory }: CrmRecord, property: string) =>
    propertiesWithHistory?.[property]?.map(({ value }) => value);
  const withHistory = (...names: string[]) => ({ propertiesWithHistory: names });

  it('is included in a record, newest first, with the source of each value', async () => {
    await hubspot.contacts.update('101', { phone: '1' });
    await hubspot.contacts.update('101', { phone: '' });
    const contact = await hubspot.contacts.get('101', ['email'], withHistory('phone', 'no_such'));
    expect(valuesOf(contact, 'phone')).toEqual(['', '1', '+1 617 555 0101']);
    expect(contact.propertiesWithHistory?.phone?.[0]).toEqual({
      value: '',
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      sourceType: 'INTEGRATION',
      sourceId: '193354',
    });
    expect(contact.propertiesWithHistory?.no_such).toBeUndefined();
    expect((await hubspot.contacts.get('101')).propertiesWithHistory).toBeUndefined();
  });

  it('is included in records of every type', async () => {
    for (const [type, id, property] of [
      ['companies', '301', 'city'],
      ['deals', '402', 'amount'],
      ['line_items', '701', 'quantity'],
      ['2-30001', '901', 'model'],
    ] as const) {
      const records = hubspot.objects(type);
      const { properties } = await records.get(id, [property]);
      await records.update(id, { [property]: '7' });
      const record = await records.get(id, [property], withHistory(property));
      expect([type, valuesOf(record, property)]).toEqual([type, ['7', properties[property]]]);
    }
  });

  it('is included in lists and batches, fifty records per request', async () => {
    const inputs = Array.from({ length: 120 }, (_, at) => ({ properties: { hs_note_body: `${at}` } }));
    const made = await hubspot.notes.batchCreate(inputs);
    const ids = made.map(({ result }) => result?.id ?? '');
    let listed: CrmRecord[] = [];
    const pages = await world.requestsOf(async () => {
      listed = await Array.fromAsync(hubspot.notes.list(withHistory('hs_note_body')));
    });
    expect(pages.map(({ query }) => query.limit)).toEqual(['50', '50', '50']);
    expect(listed.map((note) => valuesOf(note, 'hs_note_body'))).toEqual(inputs.map((_, at) => [`${at}`]));

    const batches = await world.requestsOf(async () => {
      const read = await hubspot.notes.batchRead(ids, [], withHistory('hs_note_body'));
      expect(read.map(({ result }) => result && valuesOf(result, 'hs_note_body'))).toEqual(
        inputs.map((_, at) => [`${at}`]),
      );
    });
    expect(batches.map(({ body }) => body.inputs.length)).toEqual([50, 50, 20]);
  });

  it('is shown on the command line', async () => {
    await hubspot.tickets.update('501', { hs_ticket_priority: 'LOW' });
    const run = (...args: string[]) => runInProcess(world.ctx, crmCommands, ...args);
    const { output } = await run('tickets', 'get', '501', '--history', 'hs_ticket_priority,subject');
    expect(output.split('\n')).toEqual([
      expect.stringMatching(/^property +value +since +source$/),
      expect.stringMatching(/^hs_ticket_priority +LOW +\d{4}-\S+Z +INTEGRATION 193354$/),
      expect.stringMatching(/^hs_ticket_priority +HIGH +\d{4}-\S+Z +CRM_UI sandbox$/),
      expect.stringMatching(/^subject +Cannot sign in +/),
    ]);
    const along = ['--history', 'subject', '--associations', 'contacts'];
    const { output: both } = await run('tickets', 'get', '501', ...along);
    expect(both.split('\n').slice(1)).toEqual([
      expect.stringMatching(/^subject +Cannot sign in +/),
      expect.stringMatching(/^contacts +101/),
    ]);
    const json = await run('tickets', 'get', '501', '--history', 'subject', '--json');
    expect(JSON.parse(json.output).propertiesWithHistory.subject).toHaveLength(1);
    expect((await run('tickets', 'get', '501', '--history', 'hs_resolution')).output).toContain('no history');
  });
});

describe('the value before a change', () => {
  const at = (seconds: number) => Date.parse('2026-11-20T10:00:00Z') + seconds * 1000;
  const version = (value: string | null, seconds: number) => ({
    value,
    timestamp: new Date(at(seconds)).toISOString(),
    sourceType: 'CRM_UI',
  });
  const history = [version('lead', 300), version('customer', 200), version('lead', 100), version('', 0)];

  it.each([
    ['the newest change', 'lead', 300, 'customer'],
    ['a clock that is a little off', 'lead', 299, 'customer'],
    ['an older change to the same value', 'lead', 100, null],
    ['a change to nothing, the first that is kept', '', 0, null],
    ['a change in between', 'customer', 200, 'lead'],
    ['a value that the history does not have', 'other', 300, undefined],
    ['a moment that the history does not have', 'lead', 5000, undefined],
  ])('is returned for %s', (_, propertyValue, seconds, before) => {
    expect(valueBefore(history, { propertyValue, occurredAt: at(seconds) })).toBe(before);
  });

  it('is that before the newest change to the value when no time is given', () => {
    expect(valueBefore(history, { propertyValue: 'lead' })).toBe('customer');
    expect(valueBefore(history, { propertyValue: null })).toBeNull();
  });

  it('is undefined for the oldest value that HubSpot keeps, and without a history', () => {
    const full = Array.from({ length: 20 }, (_, index) => version(`v${index}`, -index));
    expect(valueBefore(full, { propertyValue: 'v19', occurredAt: at(-19) })).toBeUndefined();
    expect(valueBefore(full.slice(0, 19), { propertyValue: 'v18', occurredAt: at(-18) })).toBeNull();
    expect(valueBefore([], { propertyValue: 'x' })).toBeUndefined();
  });
});
