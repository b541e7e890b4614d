import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { createApp } from '../../app/app.ts';
import { createContext } from '../../app/context.ts';
import { listen } from '../../app/http/listen.ts';
import {
  badClient,
  changed,
  ELSEWHERE,
  open,
  take,
  useInstallBrowser,
  withQuery,
} from './install-browser.ts';

const app = useInstallBrowser();
const { begin, failing, finalize, marketplaceCallback, ownCallback } = app;

describe('an install that failed', () => {
  it('because HubSpot does not answer in time reports that', async () => {
    const impatient = createContext(app.world.ctx.config, app.world.ctx.logger, { callTimeoutMs: 2_000 });
    const server = createServer(createApp(impatient));
    const listening = await listen(server, 0);
    const url = new URL(await ownCallback());
    url.port = String((server.address() as AddressInfo).port);
    await app.world.sandbox.control('failures', { path: '/oauth/*/token', delayMs: 4_000, status: 503 });
    const answer = await open(url.href);
    expect([answer.status, answer.text]).toEqual([
      502,
      expect.stringContaining('<h1>HubSpot is not answering</h1>'),
    ]);
    await listening.close();
    await impatient.close();
  });

  it('because it was declined can still be approved, once', async () => {
    const authorize = await begin();
    const declined = await app.world.sandbox.decide(authorize, 'deny');
    expect((await open(declined)).status).toBe(403);
    const approved = await app.world.sandbox.decide(authorize, 'approve');
    expect((await open(approved)).status).toBe(200);
    for (const url of [declined, approved]) expect((await open(url)).status).toBe(409);
  });

  it('because HubSpot was down can be finished when its page is opened again', async () => {
    for (const step of [{ url: await ownCallback() }, await finalize()]) {
      await app.world.sandbox.control('failures', { method: 'POST', path: '/oauth/*/token', status: 503 });
      expect((await take(step)).status).toBe(502);
      expect([200, 302]).toContain((await take(step)).status);
    }
  });

  it('because another browser opened the last step of the partner flow can be finished in its own', async () => {
    const step = await finalize();
    const elsewhere = await take({ url: step.url });
    expect([elsewhere.status, elsewhere.text]).toEqual([400, expect.stringContaining('not in this browser')]);
    expect((await take(step)).status).toBe(302);
    const refused = changed(step, { code: undefined, error: 'access_denied' });
    for (const { url } of [step, refused]) expect((await take({ url })).status).toBe(400);
    for (const own of [step, refused]) expect((await take(own)).status).toBe(409);
  });

  it('because of a foreign return address can be finished without it', async () => {
    const url = await ownCallback();
    expect((await open(withQuery(url, { returnUrl: ELSEWHERE }))).status).toBe(400);
    expect((await open(url)).status).toBe(200);
  });

  it('because HubSpot was down can be started again', async () => {
    const url = await failing('/oauth/*/token', { status: 500 }, ownCallback());
    expect((await open(String(url))).status).toBe(502);
    expect((await open(await ownCallback())).status).toBe(200);
  });

  it('because the app is misconfigured raises an alarm, which the next install clears', async () => {
    const alarms = async () => (await app.world.ctx.services.alarms.list()).map(({ name }) => name);
    expect((await open(await ownCallback())).status).toBe(200);
    expect(await alarms()).toEqual([]);
    const url = await failing('/oauth/*/token', badClient('BAD_CLIENT_SECRET'), ownCallback());
    expect((await open(String(url))).status).toBe(502);
    expect(await alarms()).toEqual(['install_misconfigured']);
    const [alarm] = await app.world.ctx.services.alarms.list();
    expect(alarm?.message).toContain('HUBSPOT_CLIENT_SECRET');
    expect((await open(await ownCallback())).status).toBe(200);
    expect(await alarms()).toEqual([]);
  });

  it('with HubSpot’s plain error, which a made-up code can cause, raises no alarm', async () => {
    expect((await open(await ownCallback())).status).toBe(200);
    const plain = (body: object) => ({ status: 400, body: { status: 'error', message: 'no', ...body } });
    const alarmsAfter = async (failure: Record<string, unknown>) => {
      const url = await failing('/oauth/*/token', failure, marketplaceCallback());
      expect((await open(String(url))).status).toBe(400);
      return (await app.world.ctx.services.alarms.list()).map(({ name }) => name);
    };
    expect(await alarmsAfter(plain({}))).toEqual([]);
    expect(await alarmsAfter(plain({ error: 'invalid_scope' }))).toEqual(['install_misconfigured']);
    expect((await open(await ownCallback())).status).toBe(200);
  });
});
