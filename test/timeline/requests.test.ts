import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import supertest from 'supertest';
import { expectError } from '../helpers/expect-error.ts';
import { freePort, type RunningProcess, startProcess } from '../helpers/processes.ts';
import { API_KEY } from '../helpers/settings.ts';
import { until } from '../helpers/until.ts';
import { startWorld, type World } from '../helpers/world.ts';

const EMAIL = 'jane@example.com';
const TIMELINE = `/hubid/62515/timeline/${EMAIL}`;
const EVENTS = '/integrators/timeline/2026-03/events';

describe('PUT /hubid/:hubId/timeline/:email', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
  });
  beforeEach(async () => {
    await world.sandbox.control('reset');
    expect((await world.install()).status).toBe(200);
  });
  afterAll(() => world.close());

  const put = (body?: object) => world.apiRequest('PUT', TIMELINE, body);
  const sent = async () => (await world.sandbox.read(`requests?path=${EVENTS}`)).results.at(-1)?.body;
  const refusing = (body: object) =>
    world.sandbox.control('failures', { path: EVENTS, status: 400, body: { status: 'error', ...body } });

  it.each([undefined, {}])('adds no text when the body is %j', async (body) => {
    await put(body).expect(200);
    expect(await sent()).toEqual({
      eventTypeName: 'ae193354_app-activity',
      id: expect.any(String),
      email: EMAIL,
      properties: {},
    });
  });

  it('sends only the fields of the body', async () => {
    const event = { id: 'one', properties: { title: 'Signed' } };
    await put(event).expect(200);
    expect(await sent()).toEqual({ ...event, eventTypeName: 'ae193354_app-activity', email: EMAIL });
  });

  it('accepts the body of the guide of 2019, whose id is a number', async () => {
    const body = {
      id: 1557132549196,
      email: EMAIL.toUpperCase(),
      extraData: { message: 'You got approval!' },
    };
    const answer = await put(body).expect(200);
    expect(answer.body).toMatchObject({ id: '1557132549196', state: 'sent' });
    const { results } = await world.sandbox.read(`timeline?portalId=62515&email=${EMAIL}`);
    expect(results).toMatchObject([{ id: '1557132549196', extraData: { message: 'You got approval!' } }]);
    // The number and its text are the same id.
    await put({ ...body, id: '1557132549196' }).expect(200);
    expect((await world.sandbox.read(`requests?path=${EVENTS}`)).results).toHaveLength(1);
  });

  it('names each invalid property when HubSpot names them', async () => {
    const event = { id: 'bad', properties: { mood: 'glum', title: 'Signed', colour: 'mauve' } };
    const message = await expectError(await put(event), 400, 'refused_by_hubspot');
    expect(message).toBe(
      'HubSpot rejected the values: The event does not match its schema. ' +
        'Property "mood" is not declared; Property "colour" is not declared',
    );
    const { rows } = await world.ctx.pool.query(`select last_error from timeline_events where id = 'bad'`);
    expect(rows).toEqual([
      { last_error: '400 VALIDATION_ERROR; mood: PROPERTY_DOESNT_EXIST; colour: PROPERTY_DOESNT_EXIST' },
    ]);
  });

  it('answers with HubSpot’s message, without tokens, when HubSpot names no field', async () => {
    await refusing({
      category: 'VALIDATION_ERROR',
      message: 'Events need an objectId. oauth-token (CJSP5qf1)',
    });
    const message = await expectError(await put(), 400, 'refused_by_hubspot');
    expect(message).toBe('HubSpot rejected the values: Events need an objectId. oauth-token (…)');
  });

  it('answers with HubSpot’s category when HubSpot sends no message', async () => {
    await refusing({ category: 'VALIDATION_ERROR' });
    const message = await expectError(await put(), 400, 'refused_by_hubspot');
    expect(message).toBe('HubSpot rejected the values: VALIDATION_ERROR');
  });

  describe('in the log of the process', () => {
    let web: RunningProcess;
    let url: string;
    beforeAll(async () => {
      const port = String(await freePort());
      url = `http://localhost:${port}`;
      web = await startProcess('app/server.ts', { ...world.settings, PORT: port, LOG_LEVEL: 'info' });
    });
    afterAll(async () => {
      await web.kill();
    });

    /** The lines about a request that HubSpot refuses. */
    async function linesAbout(requestId: string, event: object) {
      const answer = await supertest(url)
        .put(TIMELINE)
        .auth(API_KEY, { type: 'bearer' })
        .set('x-request-id', requestId)
        .send(event);
      await expectError(answer, 400, 'refused_by_hubspot');
      return until('the last line', () => {
        const lines = web
          .output()
          .split('\n')
          .filter((line) => line.includes(requestId));
        return lines.some((line) => line.includes('"responseTime"')) && lines.join('\n');
      });
    }

    it('names the invalid properties without their values', async () => {
      const event = { properties: { mood: 'glum', title: 'Signed' } };
      const lines = await linesAbout('request-with-mood', event);
      expect(lines).toContain('"problems":["mood: PROPERTY_DOESNT_EXIST"]');
      expect(lines).not.toContain('glum');
      expect(lines).not.toContain(EMAIL);
    });

    it('omits values that HubSpot quotes', async () => {
      const error = { message: 'Quentin is no title', code: 'Quentin & Co', in: 'title' };
      await refusing({ category: 'VALIDATION_ERROR', message: '"Quentin"?', errors: [error] });
      const lines = await linesAbout('request-with-quentin', { properties: { title: 'Quentin' } });
      expect(lines).toContain('"problems":["title"]');
      expect(lines).not.toContain('Quentin');
    });
  });
});
