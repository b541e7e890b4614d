import { createLogger } from '../../app/base/logger.ts';
import { loadConfig } from '../../app/config.ts';
import { createContext } from '../../app/context.ts';
import { startJobRunner } from '../../app/tasks.ts';
import { defineHandler } from '../../app/webhooks/handler.ts';

/** A worker whose handlers ask the test for leave, and note in the database that they are through. */
const { GATE_URL, ...env } = process.env;
const config = loadConfig(env);
const handlers = (['app.installed', 'app.uninstalled'] as const).map((on) =>
  defineHandler({
    name: on,
    on,
    async handle({ portalId, objectId }, { db }) {
      await db.query('insert into effects (type, portal_id, install_id) values ($1, $2, $3)', [
        on,
        portalId,
        objectId,
      ]);
      await fetch(`${GATE_URL}/${on}/${portalId}`);
    },
  }),
);
const ctx = createContext(config, createLogger(config.logLevel, 'worker'), { webhookHandlers: handlers });
await startJobRunner(ctx);
process.once('disconnect', () => process.exit());
process.send?.('ready');
