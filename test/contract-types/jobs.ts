import { z } from 'zod';
import { defineIntegration, defineJob } from '#app';

/** What the compiler accepts of a job, and what it refuses. `npm run typecheck` checks this file; nothing runs it. */
export const sync = defineJob({
  name: 'sync',
  payload: z.object({ contactId: z.string(), since: z.coerce.date().optional() }),
  async run({ contactId, since }, { enqueue, hubspot, sendTimelineEvent }) {
    contactId satisfies string;
    since satisfies Date | undefined;
    await hubspot(62515).contacts.get(contactId);
    await enqueue(sweep);
    await enqueue(report, { day: '2026-01-01' }, { runAt: new Date(), key: 'today' });
    await sendTimelineEvent(62515, { objectId: contactId });
    // @ts-expect-error the payload has no such field
    await enqueue(report, { dya: '2026-01-01' });
    // @ts-expect-error the payload is missing
    await enqueue(report);
    // @ts-expect-error this job takes no payload
    await enqueue(sweep, { day: '2026-01-01' });
    // @ts-expect-error an event has to name its record
    await sendTimelineEvent(62515, { properties: {} });
  },
});

export const report = defineJob({
  name: 'report',
  payload: z.object({ day: z.string() }),
  // @ts-expect-error its schema has no such field
  async run({ date }) {
    return date;
  },
});

export const sweep = defineJob({ name: 'sweep', async run() {} });

// @ts-expect-error nobody can know when its work ends
defineJob({ name: 'odd', run() {} });
// @ts-expect-error it has no name
defineJob({ async run() {} });

const definition = { name: 'My app', scopes: ['oauth'], jobs: [report, sweep] };
defineIntegration({
  ...definition,
  schedule: [
    { job: sweep, cron: '0 6 * * *' },
    { job: report, cron: '*/5 * * * *', payload: { day: 'today' } },
  ],
});
// @ts-expect-error the payload does not fit the job
defineIntegration({ ...definition, schedule: [{ job: report, cron: '0 6 * * *', payload: { day: 1 } }] });
// @ts-expect-error the payload is missing
defineIntegration({ ...definition, schedule: [{ job: report, cron: '0 6 * * *' }] });
