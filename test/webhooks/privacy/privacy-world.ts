import { expect } from '@jest/globals';
import { defineHandler, type WebhookContext } from '../../../app/webhooks/handler.ts';
import { PermanentError } from '../../../app/webhooks/index.ts';
import { until } from '../../helpers/until.ts';
import { anEvent, startWebhookWorld } from '../../helpers/webhook-world.ts';

export const EMAIL = 'quentin.erasable@example.com';
export const NAME = 'Quentin Erasable';
export const PERSON = 4711;
export const OTHER = 4712;

type OnDeletion = (db: WebhookContext['db'], context: WebhookContext) => Promise<void>;

export type PrivacyWorld = Awaited<ReturnType<typeof startPrivacyWorld>>;

export const change = (objectId: number, propertyName: string, propertyValue: string, fields = {}) =>
  anEvent({ objectId, propertyName, propertyValue, ...fields });

export const privacyDeletion = (fields = {}) =>
  anEvent({
    subscriptionType: 'contact.privacyDeletion',
    objectId: PERSON,
    propertyName: undefined,
    ...fields,
  });

/** A world with handlers for changes and deletions of contacts, and a table `notes` of the vendor. */
export async function startPrivacyWorld() {
  const handled: string[] = [];
  let onDeletion: OnDeletion = async () => {};
  const world = await startWebhookWorld(
    [
      defineHandler({
        name: 'changed',
        on: 'contact.propertyChange',
        when: { properties: ['email', 'phone', 'firstname', 'lastname', 'dead'] },
        async handle({ objectId, propertyName, propertyValue }) {
          handled.push(`${objectId} ${propertyName}`);
          // Error messages may contain personal data too.
          if (propertyName === 'dead') throw new PermanentError(`no ${propertyValue}`);
        },
      }),
      defineHandler({
        name: 'deleted',
        on: 'contact.deletion',
        handle: async ({ objectId }) => void handled.push(`${objectId} deletion`),
      }),
      defineHandler({
        name: 'privately deleted',
        on: 'contact.privacyDeletion',
        handle: (_, context) => onDeletion(context.db, context),
      }),
    ],
    // One test blocks the splitting on purpose.
    { webhookPatienceMs: 1_000 },
  );
  await world.query('create table notes (contact int)');

  return {
    ...world,
    handled,

    /** Replaces the vendor's handler of privacy deletions. */
    onDeletion(handle: OnDeletion): void {
      onDeletion = handle;
    },

    async reset(): Promise<void> {
      handled.length = 0;
      onDeletion = async () => {};
      await world.query(
        `truncate webhook_deliveries, webhook_events, privacy_receipts, timeline_events, notes;
         delete from installs`,
      );
    },

    /** Waits for a receipt. */
    erased: () =>
      until('the receipt', async () => {
        const [receipt] = await world.ctx.services.webhooks.privacy.receipts(62515, 10);
        return receipt;
      }),

    states: async (objectId: number): Promise<string[]> =>
      (await world.events(objectId)).map(({ state }) => state),

    /** Tables of the whole database, including the queue's, with the person's address or name in any row. */
    async mentions(): Promise<string[]> {
      const tables = await world.query(
        `select schemaname, tablename from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`,
      );
      expect(tables.length).toBeGreaterThan(10);
      const found: string[] = [];
      for (const { schemaname, tablename } of tables) {
        const dump = await world.query(`select row::text as text from "${schemaname}"."${tablename}" as row`);
        // Bytes are dumped as hexadecimal digits.
        const traces = [EMAIL, NAME, Buffer.from(EMAIL).toString('hex'), Buffer.from(NAME).toString('hex')];
        const text = dump.map((row) => row.text.toLowerCase()).join('\n');
        if (traces.some((trace) => text.includes(trace.toLowerCase()))) found.push(tablename);
      }
      return found.sort();
    },
  };
}
