import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Hubspot, startHubspot } from './hubspot.ts';
import { eventsOf, isSigned, startReceiver } from './receiver.ts';

let app: Awaited<ReturnType<typeof startReceiver>>;
let hubspot: Hubspot;
beforeAll(async () => {
  app = await startReceiver();
  hubspot = await startHubspot(app.url);
});
afterAll(async () => {
  await hubspot.close();
  await app.close();
});
beforeEach(async () => {
  await hubspot.control('/reset', {});
  app.received.length = 0;
  app.answerWith(() => ({ status: 204 }));
});

const deliver = async (body: object) => (await hubspot.control('/webhooks', body)).body.deliveries;

describe('a failed delivery', () => {
  it('is retried when the clock advances, with its attempt number', async () => {
    app.answerWith(() => ({ status: 500 }));
    await deliver({ events: [{ objectId: 1 }], retry: true });
    for (let attempt = 1; attempt <= 10; attempt += 1) {
      await hubspot.control('/clock', { advanceSeconds: 9 * 3600 });
      await app.until((all) => all.length === attempt + 1);
      await untilRecorded(attempt + 1);
    }
    expect(eventsOf(app.received).map(({ attemptNumber }) => attemptNumber)).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
    ]);
    const { results } = (await hubspot.control('/deliveries')).body;
    expect(results[0].nextAttemptAt).toBeUndefined();
    expect(results[1].nextAttemptAt).toMatch(/^\d{4}-.*Z$/);
  });

  it('is retried after a moment, also after a 404', async () => {
    app.answerWith(() => ({ status: app.received.length === 0 ? 404 : 204 }));
    await deliver({ events: [{ objectId: 1 }], retry: true });
    const [first, second] = await app.until((all) => all.length === 2);
    expect(first?.body).toContain('"attemptNumber":0');
    expect(second?.body).toContain('"attemptNumber":1');
    expect(second && isSigned(app.url, second, 'v3')).toBe(true);
  });

  it('waits while ten requests of the portal are running', async () => {
    app.answerWith(() => ({ status: 503 }));
    await deliver({ events: [{ objectId: 1 }], copies: 25, retry: true });
    let open = 0;
    let most = 0;
    const release: Array<() => void> = [];
    const tenAreOpen = new Promise<void>((resolve) => {
      app.answerWith(async () => {
        open += 1;
        most = Math.max(most, open);
        if (open === 10) resolve();
        await new Promise<void>((done) => release.push(done));
        open -= 1;
        return { status: 204 };
      });
    });
    await hubspot.control('/clock', { advanceSeconds: 60 });
    await tenAreOpen;
    app.answerWith(() => ({ status: 204 }));
    for (const done of release) done();
    // On a slow machine some came a second time before the ten were held.
    await app.until((all) => all.length >= 50);
    expect(most).toBe(10);
  });

  async function untilRecorded(count: number): Promise<void> {
    const { results } = (await hubspot.control('/deliveries')).body;
    if (results.length < count) await untilRecorded(count);
  }
});

describe('POST /_sandbox/webhooks', () => {
  it('delivers now and returns the outcome', async () => {
    const events = Array.from({ length: 250 }, (_, index) => ({ objectId: index + 1 }));
    expect(await deliver({ events })).toEqual([
      { status: 204, events: 100, attempt: 0, ms: expect.any(Number) },
      { status: 204, events: 100, attempt: 0, ms: expect.any(Number) },
      { status: 204, events: 50, attempt: 0, ms: expect.any(Number) },
    ]);
    expect(new Set(eventsOf(app.received).map(({ eventId }) => eventId)).size).toBe(250);
  });

  it('adds the common fields of events and keeps given ones', async () => {
    await deliver({
      events: [{ subscriptionType: 'contact.deletion', objectId: 5, portalId: 62516, eventId: 7 }],
    });
    expect(eventsOf(app.received)).toEqual([
      {
        eventId: 7,
        subscriptionId: expect.any(Number),
        portalId: 62516,
        appId: 193354,
        occurredAt: expect.any(Number),
        subscriptionType: 'contact.deletion',
        attemptNumber: 0,
        changeSource: 'CRM_UI',
        objectId: 5,
      },
    ]);
  });

  it.each(['v1', 'v2', 'v3'] as const)('signs only with %s on request', async (signature) => {
    await deliver({ events: [{ objectId: 1, propertyValue: 'Zoë ☕ 日本' }], signature });
    const [request] = app.received;
    expect(request && isSigned(app.url, request, signature)).toBe(true);
    expect(request && 'x-hubspot-signature-v3' in request.headers).toBe(signature === 'v3');
    expect(request && 'x-hubspot-signature' in request.headers).toBe(signature !== 'v3');
  });

  it('sends duplicates', async () => {
    expect(
      await deliver({ events: [{ objectId: 1 }, { objectId: 2 }], copies: 2, batchSize: 1 }),
    ).toHaveLength(4);
    const bodies = app.received.map(({ body }) => body);
    expect(new Set(bodies).size).toBe(2);
  });

  it('sends 20,000 events of many portals, at most ten concurrent requests for each', async () => {
    let open = 0;
    let most = 0;
    const tenAreOpen = Promise.withResolvers<void>();
    app.answerWith(async () => {
      open += 1;
      most = Math.max(most, open);
      // Each batch has events of both portals, so that ten requests fill the places of both.
      // The moment is for an eleventh one, which must not come.
      if (open === 10) setTimeout(tenAreOpen.resolve, 20);
      await tenAreOpen.promise;
      open -= 1;
      return { status: 204 };
    });
    const events = Array.from({ length: 10_000 }, (_, index) => ({
      portalId: 62515 + (index % 2),
      objectId: index,
    }));
    const deliveries = await deliver({ events, copies: 2, shuffle: true });
    expect(deliveries).toHaveLength(200);
    const sent = eventsOf(app.received);
    expect(sent).toHaveLength(20_000);
    expect(new Set(sent.map(({ eventId }) => eventId)).size).toBe(10_000);
    const order = sent.slice(0, 100).map(({ objectId }) => objectId);
    expect(order).not.toEqual(order.toSorted((a, b) => a - b));
    expect(most).toBe(10);
  });

  it('sends with the given concurrency', async () => {
    let open = 0;
    const allAreOpen = Promise.withResolvers<void>();
    app.answerWith(async () => {
      open += 1;
      if (open === 25) allAreOpen.resolve();
      await allAreOpen.promise;
      return { status: 204 };
    });
    const events = Array.from({ length: 25 }, (_, index) => ({ objectId: index }));
    expect(await deliver({ events, batchSize: 1, concurrency: 25 })).toHaveLength(25);
  });

  it('sends some events twice, and slightly out of order', async () => {
    const events = Array.from({ length: 100 }, (_, objectId) => ({ objectId }));
    await deliver({ events, copies: 1.2, shuffle: 10, batchSize: 200 });
    const order: number[] = eventsOf(app.received).map(({ objectId }) => objectId);
    expect(order).toHaveLength(120);
    expect(new Set(order).size).toBe(100);
    expect(order).not.toEqual(order.toSorted((a, b) => a - b));
    const early = order.filter((id, at) => order.slice(0, at).some((before) => before - id > 10));
    expect(early).toEqual([]);
  });

  it('shuffles all of them', async () => {
    const events = Array.from({ length: 50 }, (_, objectId) => ({ objectId }));
    await deliver({ events, shuffle: true });
    const order: number[] = eventsOf(app.received).map(({ objectId }) => objectId);
    expect(order).not.toEqual(order.toSorted((a, b) => a - b));
    expect(order.toSorted((a, b) => a - b)).toEqual(events.map(({ objectId }) => objectId));
  });

  it('sends with a delay', async () => {
    const before = Date.now();
    await deliver({ events: [{ objectId: 1 }], delayMs: 100 });
    expect(Date.now() - before).toBeGreaterThanOrEqual(98);
  });

  it('spreads requests as the clock advances', async () => {
    const events = [0, 1, 2, 3].map((objectId) => ({ objectId }));
    const delivered = deliver({ events, batchSize: 1, spreadMs: 240_000 });
    const received = async (count: number) => {
      await app.until((all) => all.length >= count);
      expect(eventsOf(app.received).map(({ objectId }) => objectId)).toEqual([0, 1, 2, 3].slice(0, count));
    };
    await received(1);
    await hubspot.control('/clock', { advanceSeconds: 60 });
    await received(2);
    await hubspot.control('/clock', { advanceSeconds: 120 });
    expect(await delivered).toHaveLength(4);
  });

  it('times out when the app does not answer, and retries', async () => {
    const impatient = await startHubspot(app.url, { webhookTimeoutMs: 2_000 });
    app.answerWith(({ body }) => {
      const [{ attemptNumber }] = JSON.parse(body);
      return attemptNumber === 0 ? new Promise(() => {}) : { status: 204 };
    });
    const body = { events: [{ objectId: 1 }], retry: true, maxDelayMs: 1 };
    const { deliveries } = (await impatient.control('/webhooks', body)).body;
    expect(deliveries).toMatchObject([
      { status: 0, attempt: 0 },
      { status: 204, attempt: 1 },
    ]);
    expect(deliveries[0].ms).toBeGreaterThanOrEqual(1_998);
    await impatient.close();
  });

  it('waits for short retries until everything is accepted', async () => {
    const seen = new Map<string, number>();
    app.answerWith(({ body }) => {
      const [{ objectId }] = JSON.parse(body);
      const attempts = seen.get(objectId) ?? 0;
      seen.set(objectId, attempts + 1);
      return { status: attempts < objectId ? 503 : 204 };
    });
    const events = [0, 1, 2].map((objectId) => ({ objectId }));
    const deliveries = await deliver({ events, batchSize: 1, retry: true, maxDelayMs: 1 });
    const attempt = (number: number, status: number) => ({
      status,
      events: 1,
      attempt: number,
      ms: expect.any(Number),
    });
    expect(deliveries).toEqual([
      attempt(0, 204),
      attempt(0, 503),
      attempt(1, 204),
      attempt(0, 503),
      attempt(1, 503),
      attempt(2, 204),
    ]);
  });

  it('gives up after ten retries', async () => {
    app.answerWith(() => ({ status: 500 }));
    const deliveries = await deliver({ events: [{ objectId: 1 }], retry: true, maxDelayMs: 0 });
    expect(deliveries).toHaveLength(11);
  });

  it('returns at once after a reset', async () => {
    app.answerWith(() => ({ status: 500 }));
    const waiting = deliver({ events: [{ objectId: 1 }], retry: true, maxDelayMs: 60_000 });
    await app.until((all) => all.length === 1);
    await hubspot.control('/reset', {});
    expect(await waiting).toHaveLength(1);
  });

  it('reports a refused connection with status 0', async () => {
    await hubspot.call('PUT', '/_sandbox/app', { webhookTargetUrl: 'http://localhost:9/' });
    expect(await deliver({ events: [{ objectId: 1 }] })).toMatchObject([{ status: 0, events: 1 }]);
    await hubspot.call('PUT', '/_sandbox/app', { serverUrl: app.url });
  });
});
