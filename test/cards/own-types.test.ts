import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type CardRequest, defineCard } from '#app';
import { signatureHeaders } from '../../sandbox/webhooks/sign.ts';
import { expectError } from '../helpers/expect-error.ts';
import { createMemoryLog } from '../helpers/memory-log.ts';
import { startWorld, type World } from '../helpers/world.ts';

const shown: CardRequest[] = [];

const card = (name: string, objectType: string) =>
  defineCard({
    name,
    title: `Card of ${name}`,
    objectTypes: [objectType],
    async render(_request, { pageUrl }) {
      return { results: [{ objectId: 1, title: pageUrl(), link: null }] };
    },
    async page(request) {
      shown.push(request);
      const data = { email: `${objectType} ${request.objectId}`, title: 'not the title' };
      return { view: 'contact-page', data };
    },
  });

const withoutPage = defineCard({
  name: 'without-page',
  title: 'Without page',
  objectTypes: ['CONTACT'],
  render: async (_request, { pageUrl }) => ({ results: [{ objectId: 1, title: pageUrl(), link: null }] }),
});

const answering = (name: string, properties: unknown) =>
  defineCard({
    name,
    title: 'Odd',
    objectTypes: ['CONTACT'],
    render: async () => ({
      results: [{ objectId: 1, title: 'One', link: null, properties: properties as [] }],
    }),
  });

const ODD: [string, unknown, string][] = [
  ['text', [{ label: 'a', dataType: 'TEXT', value: 1 }], '"TEXT" is unknown: use STRING, EMAIL, NUMERIC,'],
  ['nothing', [{ label: 'a', value: 1 }], 'results.0.properties.0.dataType is missing: use STRING'],
  [
    'currency',
    [{ label: 'a', dataType: 'CURRENCY', value: 1, currencyCode: 5 }],
    'results.0.properties.0.currencyCode must be a text',
  ],
  [
    'status',
    [{ label: 'a', dataType: 'STATUS', value: 1, optionType: 'RED' }],
    'optionType must be DEFAULT, SUCCESS',
  ],
  [
    'value',
    [{ label: 'a', dataType: 'STRING', value: {} }],
    'results.0.properties.0.value must be a text or a number',
  ],
];

describe('a card', () => {
  const { logger, lines } = createMemoryLog();
  let world: World;
  beforeAll(async () => {
    const odd = ODD.map(([name, properties]) => answering(name, properties));
    const cards = [card('people', 'CONTACT'), card('firms', 'COMPANY'), withoutPage, ...odd];
    world = await startWorld({ cards, logger });
    expect((await world.install()).status).toBe(200);
  });
  beforeEach(() => {
    shown.length = 0;
    lines.length = 0;
  });
  afterAll(() => world.close());

  function ask(name: string, objectType: string) {
    const query = `portalId=62515&associatedObjectId=101&associatedObjectType=${objectType}`;
    const url = `${world.serverUrl}/crm-extension/${name}?${query}`;
    const signing = { clientSecret: 'sandbox-client-secret', method: 'GET', url, body: '' };
    return fetch(url, { headers: signatureHeaders(['v3'], { ...signing, timestamp: Date.now() }) });
  }

  const loggedError = () => lines.find(({ level }) => level === 50)?.err as Error;

  it.each([
    ['people', 'CONTACT'],
    ['firms', 'COMPANY'],
  ])('%s opens its page for a record of its own type, with its title', async (name, objectType) => {
    const { results } = JSON.parse(await (await ask(name, objectType)).text());
    const page = await (await fetch(results[0].title)).text();
    expect(shown).toEqual([{ portalId: 62515, objectType, objectId: '101' }]);
    expect(page).toContain(`<title>Card of ${name}</title>`);
    expect(page).toContain(`${objectType} 101`);
  });

  it.each([
    ['people', 'COMPANY'],
    ['firms', 'CONTACT'],
  ])('%s is not shown on a %s', async (name, objectType) => {
    const message = await expectError(await ask(name, objectType), 404, 'not_found');
    expect(message).toContain(`not for ${objectType} records`);
  });

  it('without a page cannot link to one', async () => {
    await expectError(await ask('without-page', 'CONTACT'), 500, 'internal_error');
    const err = loggedError();
    expect(err.message).toBe('The card without-page has no page: declare one in `page`.');
  });

  it.each(ODD)(
    'is an error with the reason when HubSpot cannot display its result: %s',
    async (name, _, reason) => {
      await expectError(await ask(name, 'CONTACT'), 500, 'internal_error');
      const err = loggedError();
      expect(err.message).toContain(
        `The card ${name} answered with what HubSpot cannot show: results.0.properties.0.`,
      );
      expect(err.message).toContain(reason);
    },
  );
});
