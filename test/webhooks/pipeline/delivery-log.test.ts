import { expect, it } from '@jest/globals';
import { defineHandler } from '../../../app/webhooks/handler.ts';
import { createMemoryLog } from '../../helpers/memory-log.ts';
import { until } from '../../helpers/until.ts';
import { anEvent, inWebhookWorld } from '../../helpers/webhook-world.ts';

const NAME = 'Quentin Erasable';

it('logs one line, with counts and no values, when deliveries are stored', () => {
  const { logger, lines } = createMemoryLog();
  const handler = defineHandler({ name: 'listens', on: 'contact.creation', handle: async () => {} });
  return inWebhookWorld(
    [handler],
    async (world) => {
      const created = anEvent({ subscriptionType: 'contact.creation', propertyValue: NAME });
      await world.deliver([created, anEvent({ subscriptionType: 'deal.creation', propertyValue: NAME })]);
      await world.deliver([created]);
      await world.ctx.services.webhooks.split(() => false);
      const stored = () => lines.filter(({ msg }) => msg === 'webhook deliveries were stored');
      await until('the line', () => stored().length > 0);
      expect(stored()).toEqual([
        expect.objectContaining({ level: 30, deliveries: 2, events: 3, duplicates: 1, withHandler: 1 }),
      ]);
      await world.deliver([created]);
      await world.ctx.services.webhooks.split(() => false);
      expect(stored()[1]).toMatchObject({ deliveries: 1, events: 1, duplicates: 1, withHandler: 1 });
      expect(JSON.stringify(lines)).not.toContain(NAME);
    },
    { logger, worker: false },
  );
});
