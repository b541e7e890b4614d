import { describe, expect, it } from '@jest/globals';
import type { Card } from '../app/cards/index.ts';
import { defineIntegration, type Integration } from '../app/integration.ts';
import { checkIntegration } from '../app/integration-check.ts';
import { BUILT_IN_HANDLERS } from '../app/webhooks/index.ts';
import { hubspotCommand } from './cli/hubspot-command.ts';
import { startProcess } from './helpers/processes.ts';
import { testSettings } from './helpers/settings.ts';

/** Of any form, as in JavaScript. */
const handler = (name: string, on: unknown, when?: unknown) => ({ name, on, when, handle: async () => {} });

const card = (name: string): Card => ({
  name,
  title: 'Card',
  objectTypes: ['CONTACT'],
  render: async () => ({ results: [] }),
});

const problems = (handlers: readonly unknown[], cards: readonly unknown[] = []): Promise<string> =>
  checkIntegration({
    ...defineIntegration({ name: 'App', scopes: [] }),
    handlers,
    cards,
  } as Integration).then(
    () => '',
    (error: Error) => error.message,
  );

describe('a handler is rejected at start', () => {
  it.each([
    ['contact.creation', { properties: ['email'] }, 'use contact.propertyChange'],
    ['contact.creation', { objectTypeIds: ['0-1'] }, 'use object.creation'],
    ['contact.merge', { properties: [] }, 'when.properties is empty'],
    ['contact.propertyChange', { properties: ['email'], changeSources: [] }, 'when.changeSources is empty'],
    ['contact.propertyChange', undefined, 'list them in when.properties'],
    ['object.creation', undefined, 'list them in when.objectTypeIds'],
    ['deal.propertyChanged', { properties: ['amount'] }, 'did you mean deal.propertyChange?'],
    ['contacts.creation', undefined, 'there are types of contact, company, deal'],
    ['Contact.Creation', undefined, 'did you mean contact.creation?'],
    ['app.started', undefined, 'there are app.installed, app.uninstalled'],
    ['product.associationChange', undefined, 'HubSpot sends no events product.associationChange'],
    ['', undefined, 'there is no subscription type'],
    ['contact.propertyChange', { property: ['email'] }, 'objectTypeIds or ownWrites'],
    ['contact.creation', { ownWrites: true }, 'when.ownWrites can only be false'],
    ['contact.propertyChange', { properties: 'email' }, 'when.properties is not a list of names'],
    ['contact.propertyChange', { properties: [''] }, 'when.properties.0 is an empty name'],
    ['app.installed', { changeSources: ['API'] }, 'when.changeSources has no effect'],
    [[], undefined, 'on is an empty list'],
    [['contact.creation', 7], undefined, 'on is not a subscription type, nor a list'],
    [['contact.creation', 'deal.propertyChanged'], undefined, 'did you mean deal.propertyChange?'],
    [['contact.creation', 'product.associationChange'], undefined, 'HubSpot sends no events'],
    [['contact.creation', 'contact.propertyChange'], undefined, 'list them in when.properties'],
    [['contact.creation', 'object.creation'], undefined, 'list them in when.objectTypeIds'],
    [['contact.creation', 'deal.creation'], { properties: ['email'] }, 'when.properties has no effect'],
    [['contact.creation', 'deal.creation'], { objectTypeIds: ['0-1'] }, 'when.objectTypeIds has no effect'],
  ])('when it listens to %s with %j', async (on, when, expected) => {
    const message = await problems([handler('odd', on, when)]);
    expect(message).toContain('handler odd: ');
    expect(message).toContain(expected);
  });

  it.each([
    [
      'is not async',
      { name: 'odd', on: 'contact.creation', handle: () => {} },
      'handler odd: handle is not async: declare it as `async handle(event, context) { … }`',
    ],
    ['has no handle', { name: 'odd', on: 'contact.creation' }, 'handler odd: handle is not a function'],
    ['has no type', { name: 'odd', handle: async () => {} }, 'handler odd: on is not a subscription type'],
    [
      'has no name',
      { on: 'contact.creation', handle: async () => {} },
      'handler number 2: name is not a text',
    ],
    [
      'has the name of a built-in one',
      handler(BUILT_IN_HANDLERS[0] ?? '', 'contact.creation'),
      'choose another',
    ],
  ])('when it %s', async (_, odd, expected) => {
    expect(await problems([handler('good', 'deal.creation'), odd])).toContain(expected);
  });

  it('when another has its name; both are named', async () => {
    const message = await problems([
      handler('twin', 'contact.creation'),
      handler('one', 'deal.creation'),
      handler('twin', 'deal.creation'),
    ]);
    expect(message).toContain(
      'handlers number 1 (on contact.creation) and number 3 (on deal.creation) are all called twin',
    );
    expect(message).not.toContain('called one');
  });

  it('but not when it is valid', async () => {
    const handlers = [
      handler('merged', 'company.merge'),
      handler('emails', 'contact.propertyChange', { properties: ['email'], changeSources: ['API'] }),
      handler('linked', 'object.associationChange', { objectTypeIds: ['0-1'] }),
      handler('gone', 'app.uninstalled'),
      handler('several', ['contact.creation', 'contact.propertyChange', 'app.installed'], {
        properties: ['email'],
        changeSources: ['API'],
      }),
    ];
    expect(await problems(handlers, [card('panel'), card('other')])).toBe('');
  });
});

describe('a card is rejected at start', () => {
  it.each([
    ['its name does not fit into a URL', card('my card'), 'card my card: name has to fit'],
    ['it has no name', { ...card('odd'), name: undefined }, 'card number 1: name is not a text'],
    ['it has no title', { ...card('odd'), title: '' }, 'card odd: title is empty'],
    ['its page is not a function', { ...card('odd'), page: 'contact' }, 'card odd: page is not a function'],
    ['it is for no object type', { ...card('odd'), objectTypes: [] }, 'objectTypes is empty'],
    ['it is for no such type', { ...card('odd'), objectTypes: ['a b'] }, 'is not an object type'],
    ['it has no render', { ...card('odd'), render: undefined }, 'render is not a function'],
    [
      'the name of an action does not fit into a URL',
      { ...card('odd'), actions: { 'go there': async () => ({}) } },
      'card odd: actions has a name that does not fit into a URL',
    ],
    ['an action is not a function', { ...card('odd'), actions: { go: {} } }, 'actions.go is not a function'],
  ])('when %s', async (_, odd, expected) => {
    expect(await problems([], [odd])).toContain(expected);
  });

  it('when another has its name; both are named', async () => {
    const message = await problems([], [card('panel'), card('other'), card('panel')]);
    expect(message).toContain('cards number 1 (for CONTACT) and number 3 (for CONTACT) are all called panel');
    expect(message).not.toContain('called other');
  });
});

describe('handlers and cards that share a name', () => {
  const settings = {
    ...testSettings({
      databaseUrl: 'postgres://localhost:1/none',
      serverUrl: 'http://localhost:1',
      sandboxUrl: 'http://localhost:1',
    }),
    TEST_INTEGRATION: 'shared-names',
  };
  const expected = [
    'handlers number 1 (on contact.creation, test/fixtures/shared-names/webhooks.ts:6) and ' +
      'number 2 (on deal.creation, test/fixtures/shared-names/webhooks.ts:7) are all called twin',
    'cards number 1 (for CONTACT, test/fixtures/shared-names/cards.ts:6) and ' +
      'number 2 (for DEAL, test/fixtures/shared-names/cards.ts:7) are all called panel',
  ];

  it.each(['app/server.ts', 'app/worker.ts'])('prevent the start of %s', async (program) => {
    const message = await startProcess(program, settings).then(
      () => 'it started',
      (error: Error) => error.message,
    );
    for (const sentence of expected) expect(message).toContain(sentence);
  });

  it('prevent a command', async () => {
    const { code, errors } = await hubspotCommand(settings, 'installs', 'list');
    expect(code).toBe(1);
    for (const sentence of expected) expect(errors).toContain(sentence);
  });
});

describe('a definition written in JavaScript is reported at start', () => {
  it.each([
    ['a missing handler', [undefined], [], 'handler number 1: is missing or not an object'],
    ['a missing card', [], [null], 'card number 1: is missing or not an object'],
    [
      'a handler with a misspelled field',
      [{ ...handler('odd', 'contact.creation'), were: {} }],
      [],
      'handler odd: has the unknown field were: the fields are name, on, when, handle',
    ],
    [
      'a card with a misspelled field',
      [],
      [{ ...card('odd'), action: {} }],
      'card odd: has the unknown field action',
    ],
  ])('when it is %s', async (_what, handlers, cards, expected) => {
    expect(await problems(handlers, cards)).toContain(expected);
  });

  it('uses the defaults when a field of the integration is undefined', () => {
    const integration = defineIntegration({
      name: 'App',
      scopes: undefined as never,
      cards: undefined as never,
      handlers: undefined as never,
    });
    expect(integration).toMatchObject({ scopes: [], cards: [], handlers: [], jobs: [], schedule: [] });
  });
});
