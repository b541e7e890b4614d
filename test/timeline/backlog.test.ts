import { expect, it } from '@jest/globals';
import { contentDigest } from '../../app/timeline/content.ts';
import { sendNow } from '../../app/timeline/jobs.ts';
import { timelineEventsStore } from '../../app/timeline/store.ts';
import { defineHandler } from '../../app/webhooks/handler.ts';
import { startAnswerGate } from '../helpers/answer-gate.ts';
import { until } from '../helpers/until.ts';
import { anEvent, inWebhookWorld } from '../helpers/webhook-world.ts';

/** More than a worker runs jobs at once. */
const BACKLOG = 60;
const SILENT = 62515;
const OTHER = 62516;
const LONG_MS = 10 * 60_000;

it('a backlog of app events is sent one at a time and does not block webhooks of other accounts while HubSpot does not answer', async () => {
  const gate = await startAnswerGate();
  const heard: unknown[] = [];
  const handler = defineHandler({
    name: 'hears',
    on: 'contact.propertyChange',
    when: { properties: ['phone'] },
    handle: async ({ portalId }) => void heard.push(Number(portalId)),
  });
  const eventType = 'ae193354_app-activity';
  const keyOf = (portalId: number, id: number) => ({ portalId, eventType, id: `event-${id}` });
  try {
    await inWebhookWorld(
      [handler],
      async ({ ctx: { pool }, install, sandboxUrl, deliver, query }) => {
        gate.passTo(sandboxUrl);
        for (const portalId of [SILENT, OTHER]) expect((await install(portalId)).status).toBe(200);
        const silence = gate.shut('/integrators/timeline/');
        try {
          const backlog = Array.from({ length: BACKLOG }, (_, id) => keyOf(SILENT, id));
          for (const key of backlog) {
            const { id } = key;
            const occurrence = {
              eventTypeName: eventType,
              id,
              objectId: '101',
              properties: { title: 'Signed' },
            };
            await timelineEventsStore.add(pool, key, { occurrence, digest: contentDigest(occurrence) });
          }
          await sendNow(pool, backlog);
          await until('HubSpot to be called', () => silence.waiting() > 0);
          await deliver([anEvent({ portalId: OTHER })]);
          await until('the webhook', () => heard.length === 1);
          expect(heard).toEqual([OTHER]);
          expect(silence.waiting()).toBe(1);
        } finally {
          silence.open();
        }
        await until('the backlog', async () => {
          const [row] = await query(`select count(*) from timeline_events where state = 'sent'`);
          return row.count === BACKLOG;
        });
      },
      {
        callTimeoutMs: LONG_MS,
        callDeadlinesMs: { interactive: LONG_MS, background: LONG_MS },
        settings: { HUBSPOT_API_URL: gate.url, HUBSPOT_RATE_LIMIT: '0' },
      },
    );
  } finally {
    await gate.close();
  }
});
