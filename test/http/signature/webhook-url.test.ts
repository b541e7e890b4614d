import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { signatureHeaders } from '../../../sandbox/webhooks/sign.ts';
import { hubspotCommand, hubspotJson } from '../../cli/hubspot-command.ts';
import { startAnswerGate } from '../../helpers/answer-gate.ts';
import { createDeliverySender } from '../../helpers/deliveries.ts';
import { until } from '../../helpers/until.ts';
import { PROJECT } from '../../helpers/vendor.ts';
import { anEvent } from '../../helpers/webhook-world.ts';
import { startWorld, type World } from '../../helpers/world.ts';

const FILE = path.join('src', 'app', 'webhooks', 'webhooks-hsmeta.json');

describe('webhooks that come to another host', () => {
  let world: World;
  /** Forwards all that it gets to the app. */
  let relay: Awaited<ReturnType<typeof startAnswerGate>>;
  beforeAll(async () => {
    relay = await startAnswerGate();
    world = await startWorld({
      settings: { WEBHOOK_URL: `${relay.url}/`, HUBSPOT_DEVELOPER_API_KEY: 'sandbox-developer-key' },
    });
    relay.passTo(world.serverUrl);
  });
  afterAll(async () => {
    await world.close();
    await relay.close();
  });

  const subscriptions = (...args: string[]) =>
    hubspotCommand(world.settings, 'webhooks', 'subscriptions', ...args);

  async function deliver(serverUrl: string): Promise<number> {
    const sender = createDeliverySender({ url: world.serverUrl, serverUrl });
    try {
      return (await sender.send([anEvent()])).status;
    } finally {
      sender.close();
    }
  }

  it('are delivered there and accepted when HubSpot is configured so', async () => {
    expect((await subscriptions()).output).toContain(
      `HubSpot delivers to ${world.serverUrl}/webhook; WEBHOOK_URL wants ${relay.url}/webhook.`,
    );
    expect((await subscriptions('--apply')).output).toContain(`target URL ${relay.url}/webhook`);
    expect((await subscriptions()).output).toContain(`HubSpot delivers to ${relay.url}/webhook.`);
    const events = [{ subscriptionType: 'contact.propertyChange', objectId: 101, propertyName: 'phone' }];
    const { deliveries } = await world.sandbox.control('webhooks', { events });
    expect(deliveries).toMatchObject([{ status: 204 }]);
  });

  it('are also accepted with the URL of the server, where HubSpot may deliver for some minutes', async () => {
    expect(await deliver(relay.url)).toBe(204);
    expect(await deliver(world.serverUrl)).toBe(204);
  });

  it('are rejected with any other URL, and the finding names WEBHOOK_URL', async () => {
    expect(await deliver('http://public.example')).toBe(401);
    const [row] = await until('the refusal to be kept', async () => {
      const { rows } = await world.ctx.pool.query('select setting, finding from webhook_refusals');
      return rows.length > 0 && rows;
    });
    // No header told of that host, so it cannot be guessed.
    expect(row?.finding).toContain('Nothing that this server knows');
    const headers = signatureHeaders(['v1', 'v3'], {
      clientSecret: 'sandbox-client-secret',
      method: 'POST',
      body: '[]',
      timestamp: Date.now(),
      url: 'http://public.example/webhook',
    });
    const init = {
      method: 'POST',
      body: '[]',
      headers: { ...headers, 'x-forwarded-host': 'public.example' },
    };
    expect((await world.app('/webhook', init)).status).toBe(401);
    const found = await until('it to be kept, too', async () => {
      const listed = await hubspotJson(world.settings, 'webhooks', 'refused');
      return listed.find(({ setting }: { setting: string | null }) => setting);
    });
    expect(found).toMatchObject({
      setting: 'WEBHOOK_URL',
      finding: `HubSpot signs http://public.example/webhook; WEBHOOK_URL is ${relay.url}. Set it to http://public.example.`,
    });
  });

  it('have a URL that is valid only for webhooks', async () => {
    const target = '/crm-extension?portalId=62515&userId=7&userEmail=a%40b.co&associatedObjectId=101';
    const signed = (base: string) =>
      world.app(target, {
        headers: signatureHeaders(['v3'], {
          clientSecret: 'sandbox-client-secret',
          method: 'GET',
          body: '',
          timestamp: Date.now(),
          url: base + target,
        }),
      });
    expect((await signed(relay.url)).status).toBe(401);
    expect((await signed(world.serverUrl)).status).not.toBe(401);
  });

  describe('in the project', () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(path.join(tmpdir(), 'hubspot-app-webhook-url-'));
      await cp(PROJECT, folder, { recursive: true });
    });
    afterAll(() => rm(folder, { recursive: true }));

    const targetUrl = async () =>
      JSON.parse(await readFile(path.join(folder, FILE), 'utf8')).config.settings.targetUrl;

    it('use WEBHOOK_URL when it is https, whatever SERVER_URL is', async () => {
      const before = await targetUrl();
      expect((await subscriptions('--project', folder)).code).toBe(0);
      expect(await targetUrl()).toBe(before);
      const settings = { ...world.settings, WEBHOOK_URL: 'https://hooks.example.com/hubspot' };
      const { output } = await hubspotCommand(settings, 'webhooks', 'subscriptions', '--project', folder);
      expect(output).toContain('its target URL is https://hooks.example.com/hubspot/webhook');
      expect(await targetUrl()).toBe('https://hooks.example.com/hubspot/webhook');
    });
  });

  it('are not subscribed to with an http URL at the real HubSpot', async () => {
    const settings = { ...world.settings, HUBSPOT_API_URL: 'https://api.hubapi.com' };
    const { code, errors } = await hubspotCommand(settings, 'webhooks', 'subscriptions', '--apply');
    expect(code).toBe(1);
    expect(errors).toContain(`WEBHOOK_URL is ${relay.url}, and HubSpot delivers to https only.`);
  });
});
