import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { verifySignature } from '../../../app/http/signature/signature.ts';
import { clearOldSignatureAlarms } from '../../../app/webhooks/rejected-requests/signature-alarms.ts';
import { signatureHeaders } from '../../../sandbox/webhooks/sign.ts';
import { extendSha256 } from '../../helpers/length-extension.ts';
import { createMemoryLog } from '../../helpers/memory-log.ts';
import { until } from '../../helpers/until.ts';
import { startWorld } from '../../helpers/world.ts';

const SECRET = 'sandbox-client-secret';
const BODY = '[{"subscriptionType":"contact.creation","portalId":62515,"objectId":101}]';

const sha256 = (...parts: (string | Buffer)[]) =>
  parts
    .reduce<ReturnType<typeof createHash>>((hash, part) => hash.update(part), createHash('sha256'))
    .digest('hex');

describe('a v1 signature', () => {
  it('can be extended without the secret, so it is not accepted by default', () => {
    fc.assert(
      fc.property(fc.string(), fc.uint8Array({ minLength: 1, maxLength: 200 }), (body, more) => {
        const suffix = Buffer.from(more);
        const known = Buffer.byteLength(SECRET + body);
        const { digest, glue } = extendSha256(sha256(SECRET, body), known, suffix);
        const forged = Buffer.concat([Buffer.from(body), glue, suffix]);
        expect(digest).toBe(sha256(SECRET, forged));
        const parts = {
          method: 'POST',
          url: 'https://app.example/webhook',
          rawBody: forged,
          headers: { signature: digest, signatureVersion: 'v1' },
        };
        expect(verifySignature(parts, [SECRET], ['v3'], Date.now())).toEqual({
          ok: false,
          reason: 'version_not_accepted',
        });
        // Where an operator accepts v1, this is what it lets in.
        expect(verifySignature(parts, [SECRET], ['v3', 'v1'], Date.now()).ok).toBe(true);
      }),
    );
  });
});

describe('a delivery that is signed in an older version only', () => {
  const v1 = (url: string) =>
    signatureHeaders(['v1'], {
      clientSecret: SECRET,
      method: 'POST',
      url,
      body: BODY,
      timestamp: Date.now(),
    });

  it('is rejected; the log and an alarm name the setting that accepts it, for a day', async () => {
    const { logger, lines } = createMemoryLog();
    const world = await startWorld({ logger });
    try {
      const send = (headers: Record<string, string>) =>
        world.app('/webhook', { method: 'POST', body: BODY, headers });
      const forged = { ...v1(`${world.serverUrl}/webhook`), 'X-HubSpot-Signature': 'f'.repeat(64) };
      expect((await send(forged)).status).toBe(401);
      expect((await send(v1(`${world.serverUrl}/webhook`))).status).toBe(401);
      const alarms = async () =>
        (
          (await (await world.app('/readyz')).json()) as {
            alarms: { name: string; message: string; occurrences: number }[];
          }
        ).alarms;
      const [alarm] = await until('the alarm', async () => {
        const raised = await alarms();
        return raised.length > 0 && raised;
      });
      expect(alarm).toMatchObject({
        name: 'signature_version_refused:WEBHOOK_SIGNATURE_VERSIONS',
        occurrences: 1,
      });
      expect(alarm?.message).toContain('Add v1 to WEBHOOK_SIGNATURE_VERSIONS.');
      const named = lines.filter(({ setting }) => setting === 'WEBHOOK_SIGNATURE_VERSIONS');
      expect(named).toMatchObject([{ level: 40, route: 'webhook' }]);

      await clearOldSignatureAlarms(world.ctx.pool, new Date(Date.now() - 60_000));
      expect(await alarms()).toHaveLength(1);
      await clearOldSignatureAlarms(world.ctx.pool, new Date(Date.now() + 60_000));
      await until('the alarm to be gone', async () => (await alarms()).length === 0);
    } finally {
      await world.close();
    }
  });

  it('is accepted when the setting allows it', async () => {
    const world = await startWorld({ settings: { WEBHOOK_SIGNATURE_VERSIONS: 'v3,v2,v1' } });
    try {
      for (const signature of ['v1', 'v2', 'v3']) {
        const { deliveries } = await world.sandbox.control('webhooks', { events: [{}], signature });
        expect(deliveries).toMatchObject([{ status: 204 }]);
      }
    } finally {
      await world.close();
    }
  });
});
