import { expect, it } from '@jest/globals';
import { webhookEventsStore } from '../../../app/webhooks/events-store.ts';
import { defineHandler } from '../../../app/webhooks/handler.ts';
import { laneOf } from '../../../app/webhooks/pipeline/lanes.ts';
import { anEvent, inWebhookWorld } from '../../helpers/webhook-world.ts';

const LANE = 0;

function contactsOfLane(count: number): number[] {
  const contacts: number[] = [];
  for (let id = 1; contacts.length < count; id += 1)
    if (laneOf(`62515:contact:${id}`) === LANE) contacts.push(id);
  return contacts;
}

it('a lane reads normal events before imports, and 50 imports at once at most', () =>
  inWebhookWorld(
    [
      defineHandler({
        name: 'any',
        on: 'contact.propertyChange',
        when: { properties: ['phone'] },
        async handle() {},
      }),
    ],
    async ({ ctx, deliver }) => {
      const split = () => ctx.services.webhooks.split(() => false);
      const taken = async (limit: number) => {
        const events = await webhookEventsStore.pending(ctx.pool, LANE, limit, []);
        return events.map(({ event }) => event.changeSource);
      };
      const contacts = contactsOfLane(120);
      await deliver(contacts.slice(0, 60).map((objectId) => anEvent({ objectId, changeSource: 'IMPORT' })));
      await split();
      expect(await taken(1_000)).toEqual(Array(50).fill('IMPORT'));
      expect(await taken(16)).toEqual(Array(16).fill('IMPORT'));
      await deliver(contacts.slice(60).map((objectId) => anEvent({ objectId, changeSource: 'CRM_UI' })));
      await split();
      expect(await taken(1_000)).toEqual(Array(60).fill('CRM_UI'));
    },
    { worker: false },
  ));
