import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { until } from '../../helpers/until.ts';
import {
  change,
  EMAIL,
  NAME,
  PERSON,
  type PrivacyWorld,
  privacyDeletion,
  startPrivacyWorld,
} from './privacy-world.ts';

describe('a privacy deletion and app events that name their contact by e-mail address only', () => {
  let world: PrivacyWorld;
  beforeAll(async () => {
    world = await startPrivacyWorld();
  });
  beforeEach(async () => {
    await world.reset();
    expect((await world.install()).status).toBe(200);
  });
  afterAll(() => world.close());

  const [JANE, HER_ID] = ['jane@example.com', 101];
  const herEvents = () => world.query('select state, occurrence, last_error from timeline_events');
  const failing = (path: string, status: number, times: number, body?: object) =>
    world.sandbox.control('failures', { method: 'POST', path, status, times, body });
  const put = (status: number, id: string, email = JANE) =>
    world
      .api('PUT', `/hubid/62515/timeline/${email}`, { id, properties: { title: NAME } })
      .then((answer) => expect(answer.status).toBe(status));
  /** Removes the retries, which would interfere with the test. */
  const dropJobs = () =>
    world.query(
      `select graphile_worker.complete_jobs(array_agg(id)) from graphile_worker.jobs
       where task_identifier = 'send-timeline-event'`,
    );
  afterEach(dropJobs);

  it('erases a waiting event after HubSpot has named the contact of its address', async () => {
    await failing('/integrators/timeline/*', 500, 2);
    await put(202, 'waits');
    await dropJobs();
    const key = { portalId: 62515, eventType: 'ae193354_app-activity', id: 'waits' };
    await expect(world.ctx.services.timeline.retry(key)).rejects.toMatchObject({ status: 500 });
    expect(await herEvents()).toMatchObject([{ state: 'waiting', occurrence: { objectId: String(HER_ID) } }]);
    expect(JSON.stringify(await herEvents())).not.toContain(JANE);
    await world.deliver([privacyDeletion({ objectId: HER_ID })]);
    expect((await world.erased()).erased).toMatchObject({ timeline_events: 1 });
    expect(await world.mentions()).toEqual([]);
  });

  it('ends a waiting event whose address no stored event mentions, without creating the contact again', async () => {
    const { contacts } = world.ctx.hubspotFor(62515);
    const { id } = await contacts.create({ email: EMAIL });
    await until('the news of the address', async () =>
      (await world.events(Number(id))).some(({ event }) => event.propertyName === 'email'),
    );
    await world.settled();
    // As if they had been pruned.
    await world.query('truncate webhook_events');
    await failing('/integrators/timeline/*', 500, 1);
    await put(202, 'waits', EMAIL);
    await dropJobs();
    await contacts.gdprDelete(id);
    await world.erased();
    await until('the event to be tried', async () => (await herEvents())[0]?.state === 'refused');
    expect(await herEvents()).toMatchObject([
      { occurrence: null, last_error: 'no contact has its address, and one was erased meanwhile' },
    ]);
    expect(await world.mentions()).toEqual([]);
    await expect(contacts.getByEmail(EMAIL)).rejects.toMatchObject({ status: 404 });
  });

  it('does not create the contact again when HubSpot does not let the app look it up', async () => {
    await failing('/integrators/timeline/*', 500, 1);
    await put(202, 'waits', EMAIL);
    await dropJobs();
    const path = `/crm/objects/*/contacts/*`;
    await world.sandbox.control('failures', { method: 'GET', path, status: 403 });
    await world.deliver([privacyDeletion()]);
    await until('the event to be tried', async () => (await herEvents())[0]?.state === 'refused');
    expect(await herEvents()).toMatchObject([
      { occurrence: null, last_error: 'its contact cannot be looked up, and one was erased meanwhile' },
    ]);
    expect(await world.mentions()).toEqual([]);
  });

  it('keeps events for an address that was the contact’s and is another contact’s now', async () => {
    await failing('/integrators/timeline/*', 500, 1);
    await put(202, 'others');
    await dropJobs();
    await world.deliver([change(PERSON, 'email', JANE), change(PERSON, 'email', EMAIL)]);
    await world.settled();
    await world.deliver([privacyDeletion()]);
    expect((await world.erased()).erased).toMatchObject({ timeline_events: 0 });
    await until('the event to be sent', async () => (await herEvents())[0]?.state === 'sent');
  });

  it('keeps events of other contacts, which reach HubSpot', async () => {
    await failing('/integrators/timeline/*', 500, 1);
    await put(202, 'others');
    await dropJobs();
    await world.deliver([privacyDeletion()]);
    await until('the event to be sent', async () => (await herEvents())[0]?.state === 'sent');
    const { results } = await world.sandbox.read(`timeline?portalId=62515&email=${JANE}`);
    expect(results.map((event: { id: string }) => event.id)).toContain('others');
  });

  it('keeps neither content nor quotes of an event that HubSpot refused', async () => {
    await failing('/integrators/timeline/*', 400, 1, {
      category: 'VALIDATION_ERROR',
      message: `"${NAME}"?`,
    });
    await put(400, 'refused');
    expect(await herEvents()).toEqual([
      { state: 'refused', occurrence: null, last_error: '400 VALIDATION_ERROR' },
    ]);
    expect(await world.mentions()).toEqual([]);
  });
});
