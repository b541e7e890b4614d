import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { defineIntegration } from '../../app/integration.ts';
import { checkIntegration } from '../../app/integration-check.ts';
import type { AnyWebhookHandler } from '../../app/webhooks/handler.ts';
import { wantedSubscriptions } from '../../app/webhooks/subscriptions/wanted.ts';
import { appSubscriptions } from '../helpers/subscriptions.ts';
import { PROJECT } from '../helpers/vendor.ts';
import { startWorld, type World } from '../helpers/world.ts';
import { hubspotCommand, hubspotJson } from './hubspot-command.ts';

const KEY = 'sandbox-developer-key';
const FILE = path.join('src', 'app', 'webhooks', 'webhooks-hsmeta.json');

describe('npm run hubspot -- webhooks subscriptions', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
  });
  beforeEach(() => world.sandbox.control('reset'));
  afterAll(() => world.close());

  const settings = () => ({ ...world.settings, HUBSPOT_DEVELOPER_API_KEY: KEY });
  const run = (...args: string[]) => hubspotCommand(settings(), 'webhooks', 'subscriptions', ...args);
  const json = (...args: string[]) => hubspotJson(settings(), 'webhooks', 'subscriptions', ...args);

  describe('of a legacy app', () => {
    /** The management API, as HubSpot's own pages would use it. */
    async function hubspot(method: string, what: string, body?: unknown) {
      const answer = await fetch(`${world.sandboxUrl}/app-webhooks/2026-09/193354/${what}?hapikey=${KEY}`, {
        method,
        ...(body !== undefined && {
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        }),
      });
      expect(answer.ok).toBe(true);
      return answer.status === 204 ? undefined : ((await answer.json()) as { results: Subscription[] });
    }

    interface Subscription {
      id: string;
      eventType: string;
      propertyName?: string;
      active: boolean;
    }

    const subscriptions = async (): Promise<Subscription[]> =>
      (await hubspot('GET', 'subscriptions'))?.results ?? [];
    const named = async (name: string) => {
      const found = (await subscriptions()).find((it) => name === (it.propertyName ?? it.eventType));
      if (!found) throw new Error(`HubSpot has no ${name}`);
      return found;
    };

    it('are compared with the handlers without changing anything', async () => {
      await hubspot('PATCH', `subscriptions/${(await named('phone')).id}`, { active: false });
      await hubspot('DELETE', `subscriptions/${(await named('email')).id}`);
      const before = await subscriptions();
      const { code, output } = await run();
      expect(code).toBe(0);
      expect(output).toContain(`HubSpot delivers to ${world.serverUrl}/webhook.`);
      expect(output).toMatch(/contact\.propertyChange +– +phone +paused +to be activated\n/);
      expect(output).toMatch(/contact\.propertyChange +– +email +missing +to be created\n/);
      expect(output).toMatch(/contact\.propertyChange +– +firstname +active +–\n/);
      expect(output).toMatch(/contact\.privacyDeletion +– +– +active +–\n/);
      expect(output).toMatch(/contact\.deletion +– +– +active +wanted by no handler\n/);
      expect(output).toContain('--apply');
      expect(await subscriptions()).toEqual(before);
    });

    it('are updated to match the handlers; a second run changes nothing', async () => {
      await hubspot('PATCH', `subscriptions/${(await named('phone')).id}`, { active: false });
      await hubspot('DELETE', `subscriptions/${(await named('contact.privacyDeletion')).id}`);
      await hubspot('DELETE', `subscriptions/${(await named('company')).id}`);
      await hubspot('PUT', 'settings', {
        targetUrl: 'https://old.example.com/hook',
        throttling: { maxConcurrentRequests: 7 },
      });
      const { changes } = await json('--apply');
      expect(changes).toEqual(
        expect.arrayContaining([
          { what: `target URL ${world.serverUrl}/webhook`, action: 'set' },
          { what: 'contact.propertyChange phone', action: 'activated' },
          { what: 'contact.propertyChange company', action: 'created' },
          { what: 'contact.privacyDeletion', action: 'created' },
        ]),
      );
      expect(await hubspot('GET', 'settings')).toMatchObject({
        targetUrl: `${world.serverUrl}/webhook`,
        throttling: { maxConcurrentRequests: 7 },
      });
      expect((await named('phone')).active).toBe(true);
      expect((await named('contact.privacyDeletion')).active).toBe(true);
      // No handler wants it, and nobody said to take it away.
      expect((await named('contact.deletion')).active).toBe(true);

      const before = await subscriptions();
      expect(await json('--apply')).toEqual({ changes: [] });
      expect((await run('--apply')).output).toContain('nothing was changed');
      expect(await subscriptions()).toEqual(before);
      expect((await run()).output).toContain('The subscriptions are up to date.');
    });

    it('without a handler are deleted with --delete-undeclared', async () => {
      const before = await subscriptions();
      expect(await run('--apply', '--delete-undeclared')).toMatchObject({
        code: 1,
        errors: expect.stringContaining('Nothing was done: add --yes to confirm.'),
      });
      expect(await subscriptions()).toEqual(before);
      const { changes } = await json('--apply', '--delete-undeclared', '--yes');
      expect(changes).toContainEqual({ what: 'contact.deletion', action: 'deleted' });
      expect(changes).toContainEqual({ what: 'contact.creation', action: 'deleted' });
      const left = new Set((await subscriptions()).map(({ eventType }) => eventType));
      expect(left).toEqual(new Set(appSubscriptions().map(({ eventType }) => eventType)));
    });

    it('are created together with the settings when there are none', async () => {
      await hubspot('DELETE', 'settings');
      for (const { id } of await subscriptions()) await hubspot('DELETE', `subscriptions/${id}`);
      expect((await run()).output).toContain('HubSpot delivers to no address');
      await run('--apply');
      expect(await hubspot('GET', 'settings')).toMatchObject({ throttling: { maxConcurrentRequests: 10 } });
      expect((await run()).output).toContain('The subscriptions are up to date.');
    });

    it('are reported when HubSpot rejects them, and the others are created', async () => {
      await hubspot('DELETE', `subscriptions/${(await named('email')).id}`);
      await hubspot('DELETE', `subscriptions/${(await named('phone')).id}`);
      const path = '/app-webhooks/2026-09/193354/subscriptions';
      const body = { category: 'VALIDATION_ERROR', message: 'The app lacks a scope.' };
      await world.sandbox.control('failures', { method: 'POST', path, status: 400, times: 1, body });
      const { code, output, errors } = await run('--apply');
      expect(code).toBe(1);
      expect(output).toMatch(/failed +contact\.propertyChange \w+ +HubSpot: POST .*The app lacks a scope\./);
      expect(output).toContain('created');
      expect(errors).toMatch(/HubSpot rejected 1 of \d changes\./);
    });

    it('are not accessible without the key or with a wrong one, which is never printed', async () => {
      const without = await hubspotCommand(world.settings, 'webhooks', 'subscriptions');
      expect(without).toMatchObject({
        code: 1,
        errors: expect.stringContaining('HUBSPOT_DEVELOPER_API_KEY is not set'),
      });
      const wrong = { ...world.settings, HUBSPOT_DEVELOPER_API_KEY: 'wrong-developer-key' };
      for (const path of ['*/settings', '*/subscriptions']) {
        await world.sandbox.control('failures', {
          method: 'GET',
          path: `/app-webhooks/2026-09/${path}`,
          status: 401,
          times: 1,
          body: { category: 'INVALID_AUTHENTICATION', message: 'wrong-developer-key is no API key.' },
        });
      }
      for (const args of [['--verbose'], ['--json'], []]) {
        const { code, output, errors } = await hubspotCommand(wrong, ...args, 'webhooks', 'subscriptions');
        expect(code).toBe(1);
        expect(errors).toContain('401');
        expect(output + errors).not.toContain('wrong-developer-key');
      }
    });

    it.each([[['--apply', '--project']], [['--delete-undeclared']]])('rejects %p', async (args) => {
      expect((await run(...args)).code).toBe(1);
    });

    it('do not get a target URL that HubSpot cannot call', async () => {
      const real = { ...settings(), HUBSPOT_API_URL: 'https://api.hubapi.invalid' };
      const { code, errors } = await hubspotCommand(real, 'webhooks', 'subscriptions', '--apply');
      expect(code).toBe(1);
      expect(errors).toContain('HubSpot delivers to https only');
    });
  });

  describe('of a project app', () => {
    let folder: string;
    beforeEach(async () => {
      folder = await mkdtemp(path.join(tmpdir(), 'hubspot-project-'));
      await cp(PROJECT, folder, { recursive: true });
    });
    afterEach(() => rm(folder, { recursive: true }));

    /** Those that stand in the file under `legacyCrmObjects`: of CRM records, and of no generic kind. */
    const legacyOnes = () =>
      appSubscriptions().filter(
        ({ eventType }) => !/^object\./.test(eventType) && eventType !== 'contact.privacyDeletion',
      );
    const written = async () => JSON.parse(await readFile(path.join(folder, FILE), 'utf8'));
    const write = (content: unknown) => writeFile(path.join(folder, FILE), JSON.stringify(content));

    it('are written to the project, whose other fields are kept', async () => {
      await write({
        uid: 'my-webhooks',
        type: 'webhooks',
        config: {
          settings: { targetUrl: 'https://mine.example.com/webhook', maxConcurrentRequests: 25, extra: 1 },
          subscriptions: {
            crmObjects: [{ subscriptionType: 'object.creation', objectType: 'deal', active: true }],
            legacyCrmObjects: [
              { subscriptionType: 'contact.propertyChange', propertyName: 'email', active: false },
            ],
          },
        },
      });
      const { code, output } = await run('--project', folder);
      expect(code).toBe(0);
      expect(output).toContain('hs project upload');
      expect(output).toMatch(/activated +contact\.propertyChange email\n/);
      expect(output).toMatch(/kept, wanted by no handler +object\.creation 0-3\n/);
      const { uid, config } = await written();
      expect(uid).toBe('my-webhooks');
      // This server has no public address: the file's stays.
      expect(config.settings).toEqual({
        targetUrl: 'https://mine.example.com/webhook',
        maxConcurrentRequests: 25,
        extra: 1,
      });
      const { crmObjects, legacyCrmObjects, hubEvents } = config.subscriptions;
      expect(crmObjects).toEqual([{ subscriptionType: 'object.creation', objectType: 'deal', active: true }]);
      expect(legacyCrmObjects[0]).toEqual({
        subscriptionType: 'contact.propertyChange',
        propertyName: 'email',
        active: true,
      });
      expect(legacyCrmObjects).toHaveLength(legacyOnes().length);
      expect(hubEvents).toEqual([{ subscriptionType: 'contact.privacyDeletion', active: true }]);
    });

    it('are not written again by a second run', async () => {
      const project = await written();
      project.config.subscriptions = { crmObjects: [], legacyCrmObjects: [], hubEvents: [] };
      await write(project);
      expect(await json('--project', folder)).toMatchObject({ written: true });
      const before = await readFile(path.join(folder, FILE), 'utf8');
      expect(await json('--project', folder)).toMatchObject({ written: false, added: [] });
      expect((await run('--project', folder)).output).toContain('declares all of this already');
      expect(await readFile(path.join(folder, FILE), 'utf8')).toBe(before);
    });

    it('need no settings', async () => {
      const { code, output, errors } = await hubspotCommand(
        { DATABASE_URL: 'postgres://nobody@localhost:1/none' },
        ...['webhooks', 'subscriptions', '--project', folder],
      );
      expect([code, errors]).toEqual([0, '']);
      expect(output).toContain(folder);
    });

    it('need no key, and use a public SERVER_URL as target URL', async () => {
      const env = { ...world.settings, SERVER_URL: 'https://app.vendor.example/base' };
      await hubspotJson(env, 'webhooks', 'subscriptions', '--project', folder);
      expect((await written()).config.settings.targetUrl).toBe('https://app.vendor.example/base/webhook');
    });

    it('without a handler are deleted with --delete-undeclared', async () => {
      const { removed } = await json('--project', folder, '--delete-undeclared');
      expect(removed).toEqual(expect.arrayContaining(['contact.creation', 'contact.deletion']));
      const types = (await written()).config.subscriptions.legacyCrmObjects.map(
        (entry: { subscriptionType: string }) => entry.subscriptionType,
      );
      expect(new Set(types)).toEqual(new Set(legacyOnes().map(({ eventType }) => eventType)));
    });

    it('are written to a new file, but not without a project', async () => {
      await rm(path.join(folder, 'src', 'app', 'webhooks'), { recursive: true });
      expect(await json('--project', folder)).toMatchObject({ written: true, undeclared: [] });
      expect((await written()).config.subscriptions.legacyCrmObjects).toHaveLength(legacyOnes().length);
      const nowhere = await run('--project', path.join(folder, 'nowhere'));
      expect(nowhere).toMatchObject({ code: 1, errors: expect.stringContaining('no HubSpot project') });
    });

    it('are not changed when their file is invalid', async () => {
      await write({ uid: 'x', type: 'webhooks' });
      expect(await run('--project', folder)).toMatchObject({
        code: 1,
        errors: expect.stringContaining('config'),
      });
      expect(await written()).toEqual({ uid: 'x', type: 'webhooks' });
    });

    it('are not changed when their file is not JSON, which is reported with line and column', async () => {
      const file = path.join(folder, FILE);
      await writeFile(file, '{\n  "uid": "webhooks",\n  "type": webhooks\n}\n');
      expect(await run('--project', folder)).toMatchObject({
        code: 1,
        errors: `${file}:3:11 is not JSON: Unexpected token 'w'.\n`,
      });
      expect(await readFile(file, 'utf8')).toContain('"type": webhooks');
    });
  });
});

describe('the subscriptions of handlers', () => {
  const handler = (on: string | readonly string[], when?: AnyWebhookHandler['when']): AnyWebhookHandler => ({
    name: `on ${on}`,
    on: on as AnyWebhookHandler['on'],
    when,
    handle: async () => {},
  });

  it('follow from their types and conditions, without duplicates', () => {
    expect(
      wantedSubscriptions([
        handler('contact.propertyChange', { properties: ['email', 'phone'] }),
        handler('contact.propertyChange', { properties: ['phone'], changeSources: ['API'] }),
        handler(['deal.creation', 'contact.propertyChange', 'app.installed'], { properties: ['phone'] }),
        handler('object.propertyChange', { objectTypeIds: ['0-1', '2-7'], properties: ['size'] }),
        handler('app.installed'),
        handler('contact.privacyDeletion'),
      ]),
    ).toEqual([
      { eventType: 'contact.propertyChange', propertyName: 'email' },
      { eventType: 'contact.propertyChange', propertyName: 'phone' },
      { eventType: 'deal.creation' },
      { eventType: 'object.propertyChange', objectTypeId: '0-1', propertyName: 'size' },
      { eventType: 'object.propertyChange', objectTypeId: '2-7', propertyName: 'size' },
      { eventType: 'contact.privacyDeletion' },
    ]);
  });

  it('must be complete: all incomplete handlers are reported at once', async () => {
    const handlers = [
      handler('contact.propertyChange'),
      handler('deal.propertyChange', { properties: [] }),
      handler('ticket.propertyChange', { properties: ['hs_lastmodifieddate'] }),
      handler('object.creation'),
      handler('product.associationChange'),
      handler('company.creation'),
    ];
    const message = await problemsOf(handlers);
    expect(message).toContain('on contact.propertyChange: it listens to contact.propertyChange');
    expect(message.match(/\n {2}- /g)).toHaveLength(5);
    expect(message).not.toContain('company.creation');
  });
});

async function problemsOf(handlers: readonly AnyWebhookHandler[]): Promise<string> {
  const checked = checkIntegration({ ...defineIntegration({ name: 'App', scopes: [] }), handlers });
  return checked.then(
    () => '',
    (error: Error) => error.message,
  );
}
