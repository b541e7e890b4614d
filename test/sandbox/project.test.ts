import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PROJECT } from '../helpers/vendor.ts';
import { type Hubspot, startHubspot } from './hubspot.ts';

const EVENTS = path.join('src', 'app', 'app-events');

describe('a HubSpot project', () => {
  let projectFolder: string;
  let hubspot: Hubspot | undefined;
  beforeEach(async () => {
    projectFolder = await mkdtemp(path.join(tmpdir(), 'hubspot-app-project-'));
    await cp(PROJECT, projectFolder, { recursive: true });
  });
  afterEach(async () => {
    await hubspot?.close();
    hubspot = undefined;
    await rm(projectFolder, { recursive: true });
  });

  const write = (file: string, text: string) => writeFile(path.join(projectFolder, file), text);
  const eventType = (uid: string, fields: object = {}) =>
    write(
      path.join(EVENTS, `${uid}-hsmeta.json`),
      JSON.stringify({
        uid,
        type: 'app-event',
        config: { name: uid, objectType: 'CONTACT', headerTemplate: '{{where}}', properties: [], ...fields },
      }),
    );
  const start = async () => {
    hubspot = await startHubspot('http://localhost:9', { projectFolder });
    return hubspot;
  };
  const eventTypes = async () =>
    (await (await start()).control('/app')).body.eventTypes.map(({ uid }: { uid: string }) => uid).sort();

  it('may declare several event types', async () => {
    await eventType('login', { properties: [{ name: 'where', label: 'Where', type: 'string' }] });
    expect(await eventTypes()).toEqual(['app-activity', 'login']);
    const api = hubspot?.api((await hubspot.install()).access);
    const event = { id: 'one', email: 'jane@example.com', eventTypeName: 'ae193354_login' };
    const path = '/integrators/timeline/2026-03/events';
    expect((await api?.('POST', path, { ...event, properties: { where: 'web' } }))?.status).toBe(201);
    // An id is taken for its own event type alone.
    const other = { ...event, eventTypeName: 'ae193354_app-activity', properties: {} };
    expect((await api?.('POST', path, other))?.status).toBe(201);
  });

  it('may declare none', async () => {
    await rm(path.join(projectFolder, EVENTS), { recursive: true });
    expect(await eventTypes()).toEqual([]);
  });

  it.each(['CONTACT', 'COMPANY', 'DEAL', 'TICKET'])('may declare events of a %s', async (objectType) => {
    await eventType('other', { objectType });
    expect(await eventTypes()).toEqual(['app-activity', 'other']);
  });

  it.each(['DEALS', 'deal', 'contacts', '0-3', 'CALL', '', 5])(
    'is rejected with the file and the field when the object type of an event is %j',
    async (objectType) => {
      await eventType('other', { objectType });
      await expect(start()).rejects.toThrow(/other-hsmeta\.json is not valid:\n[\s\S]*config\.objectType/);
    },
  );

  it.each([
    'hsproject.json',
    'src/app/app-hsmeta.json',
    'src/app/webhooks/webhooks-hsmeta.json',
    'src/app/app-events/app-activity-hsmeta.json',
  ])('is rejected with the name of the file when %s is not JSON', async (file) => {
    await write(file, '{ "name": ');
    await expect(start()).rejects.toThrow(`${path.join(projectFolder, file)} cannot be read: `);
  });
});
