import { describe, expect, it } from '@jest/globals';
import { type AnyWebhookHandler, defineHandler, type WebhookContext } from '../../../app/webhooks/handler.ts';
import { onChange } from '../../helpers/handlers.ts';
import { anEvent, inWebhookWorld } from '../../helpers/webhook-world.ts';

describe('the install of the event’s portal', () => {
  it('can be read by a handler', async () => {
    const installs: unknown[] = [];
    const asks = onChange('asks', async (_objectId, { install }) => {
      const { has, portalId } = await install();
      installs.push([portalId, has('timeline'), has('e-commerce')]);
    });
    await inWebhookWorld([asks], async ({ deliver, settled, install }) => {
      expect((await install()).status).toBe(200);
      await deliver([anEvent()]);
      await settled();
      expect(installs).toEqual([[62515, true, false]]);
    });
  });
});

describe('which handlers run', () => {
  it('are those of the event’s type, in the order of the registry, each with the event and its context', () => {
    const ran: string[] = [];
    const contexts: WebhookContext[] = [];
    const handlers = [
      defineHandler({
        name: 'first',
        on: 'contact.propertyChange',
        when: { properties: ['email'] },
        async handle({ objectId, propertyName, propertyValue }, context) {
          ran.push(`first ${objectId} ${propertyName}=${propertyValue}`);
          contexts.push(context);
        },
      }),
      defineHandler({
        name: 'merged',
        on: 'company.merge',
        handle: async ({ primaryObjectId, mergedObjectIds }) => {
          ran.push(`merged ${primaryObjectId} ${mergedObjectIds.join()}`);
        },
      }),
      onChange('second', async (objectId) => void ran.push(`second ${objectId}`)),
    ];
    return inWebhookWorld(handlers, async ({ deliver, settled, query }) => {
      const change = anEvent({ propertyName: 'email', propertyValue: 'a@example.com' });
      await deliver([change, anEvent({ subscriptionType: 'deal.creation' })]);
      await settled();
      await deliver([
        anEvent({
          subscriptionType: 'company.merge',
          objectId: 7,
          primaryObjectId: 7,
          mergedObjectIds: [8, 9],
        }),
      ]);
      await settled();
      expect(ran).toEqual(['first 101 email=a@example.com', 'second 101', 'merged 7 8,9']);

      const [context] = contexts;
      expect(context).toMatchObject({ attempt: 1, eventId: expect.stringMatching(/^[\da-f-]{36}$/) });
      expect(context?.signal.aborted).toBe(false);
      expect(context?.hubspot.contacts.get).toBeInstanceOf(Function);
      const rows = await query(
        'select state, subscription_type as type from webhook_events order by occurred_at',
      );
      expect(rows).toEqual([
        { state: 'done', type: 'contact.propertyChange' },
        { state: 'ignored', type: 'deal.creation' },
        { state: 'done', type: 'company.merge' },
      ]);
    });
  });

  it('are those whose conditions all hold', () => {
    const ran: string[] = [];
    type When = AnyWebhookHandler['when'];
    const noting = (name: string) => ({ name, handle: async () => void ran.push(name) });
    const onChanged = (name: string, when: When): AnyWebhookHandler => ({
      ...noting(name),
      on: 'contact.propertyChange',
      when,
    });
    const onCreated = (name: string, when: When): AnyWebhookHandler => ({
      ...noting(name),
      on: 'object.creation',
      when,
    });
    const handlers = [
      onChanged('phone', { properties: ['phone', 'mobile'] }),
      onChanged('api', { changeSources: ['API', 'INTEGRATION'] }),
      onChanged('phone by api', { properties: ['phone'], changeSources: ['API'] }),
      onCreated('api', { changeSources: ['API', 'INTEGRATION'] }),
      onCreated('deals', { objectTypeIds: ['0-3'] }),
      onCreated('deals by api', { objectTypeIds: ['0-3'], changeSources: ['API'] }),
    ];
    return inWebhookWorld(handlers, async ({ deliver, settled, query }) => {
      const run = async (fields: Record<string, unknown>) => {
        ran.length = 0;
        await deliver([anEvent(fields)]);
        await settled();
        return ran.slice();
      };
      expect(await run({ propertyName: 'mobile' })).toEqual(['phone']);
      expect(await run({ propertyName: 'phone', changeSource: 'API' })).toEqual([
        'phone',
        'api',
        'phone by api',
      ]);
      expect(await run({ propertyName: 'email', changeSource: 'INTEGRATION' })).toEqual(['api']);
      expect(await run({ propertyName: 'email' })).toEqual([]);
      const created = { subscriptionType: 'object.creation', propertyName: undefined };
      expect(await run({ ...created, objectTypeId: '0-3' })).toEqual(['deals']);
      expect(await run({ ...created, objectTypeId: '0-1' })).toEqual([]);
      expect(await run({ ...created, objectTypeId: '0-3', changeSource: 'API' })).toEqual([
        'api',
        'deals',
        'deals by api',
      ]);
      const states = await query('select state, count(*) from webhook_events group by state order by state');
      expect(states).toEqual([
        { state: 'done', count: 5 },
        { state: 'ignored', count: 2 },
      ]);
    });
  });

  it('are called once for each install and uninstall', () => {
    const handled: string[] = [];
    const handlers = (['app.installed', 'app.uninstalled'] as const).map((on) =>
      defineHandler({
        name: on,
        on,
        handle: async ({ portalId, objectId }) => void handled.push(`${on} ${portalId} ${objectId}`),
      }),
    );
    return inWebhookWorld(handlers, async (world) => {
      expect((await world.install(62515)).status).toBe(200);
      await world.settled();
      expect((await world.api('DELETE', '/hubid/62515')).status).toBe(200);
      await world.settled();
      expect((await world.install(62515)).status).toBe(200);
      await world.settled();
      const [first, ...others] = handled;
      const [, , install] = first?.split(' ').map(Number) ?? [];
      expect(first).toBe(`app.installed 62515 ${install}`);
      expect(others).toEqual([
        `app.uninstalled 62515 ${install}`,
        `app.installed 62515 ${Number(install) + 1}`,
      ]);
    });
  });
});
