import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Card, CardActionHandler } from '../../app/cards/index.ts';
import { signatureHeaders } from '../../sandbox/webhooks/sign.ts';
import { expectError } from '../helpers/expect-error.ts';
import { createMemoryLog } from '../helpers/memory-log.ts';
import { freePort, startProcess } from '../helpers/processes.ts';
import { until } from '../helpers/until.ts';
import { startWorld, type World } from '../helpers/world.ts';

/** What a vendor writes in JavaScript, or casts: the compiler refuses it. */
const FAULTS: Record<string, () => unknown> = {
  'throws-at-once': () => {
    throw new Error('no stock');
  },
  'throws-undefined': () => {
    throw undefined;
  },
  // Express takes these two for its own words.
  'throws-route': () => {
    throw 'route';
  },
  'rejects-router': () => Promise.reject('router'),
  'returns-nothing': () => {},
  'resolves-to-null': async () => null,
};

const toCard = ([name, run]: [string, () => unknown]): Card => ({
  name,
  title: name,
  objectTypes: ['CONTACT'],
  render: run as unknown as Card['render'],
  actions: { go: run as unknown as CardActionHandler },
});

function signed(serverUrl: string, method: string, path: string) {
  const target = `${path}?portalId=62515&associatedObjectId=101&associatedObjectType=CONTACT`;
  const headers = signatureHeaders(['v3'], {
    clientSecret: 'sandbox-client-secret',
    method,
    body: '',
    timestamp: Date.now(),
    url: serverUrl + target,
  });
  return { target, headers };
}

describe('a card or action that is not async, throws anything or has no answer', () => {
  const { logger, lines } = createMemoryLog();
  let world: World;
  beforeAll(async () => {
    const plain: Card = {
      name: 'plain',
      title: 'Plain',
      objectTypes: ['CONTACT'],
      render: (() => ({ results: [] })) as unknown as Card['render'],
      actions: { go: (() => ({ message: 'Done' })) as unknown as CardActionHandler },
    };
    world = await startWorld({ logger, cards: [...Object.entries(FAULTS).map(toCard), plain] });
  });
  afterAll(() => world.close());

  function send(method: 'GET' | 'DELETE', path: string) {
    const { target, headers } = signed(world.serverUrl, method, path);
    return world.app(target, { method, headers });
  }

  const both = (card: string) => [
    () => send('GET', `/crm-extension/${card}`),
    () => send('DELETE', `/crm-extension/${card}/actions/go`),
  ];

  it.each(Object.keys(FAULTS))('is answered with 500, and the log names it, when it %s', async (card) => {
    for (const ask of both(card)) {
      lines.length = 0;
      await expectError(await ask(), 500, 'internal_error');
      const line = await until('the line', () => lines.find(({ level }) => level === 50));
      const { message } = line.err as { message: string };
      expect(message).not.toMatch(/Cannot read|Rejected promise/);
      if (card !== 'throws-at-once') expect(message).toContain(card);
    }
  });

  it('is answered normally when it returns its result without a promise', async () => {
    const [shown, done] = await Promise.all(both('plain').map(async (ask) => (await ask()).json()));
    expect([shown, done]).toEqual([{ results: [] }, { message: 'Done' }]);
  });
});

describe('a card that leaves a rejected promise behind and throws in a callback', () => {
  it('is answered, its errors are logged with the request, and the web process goes on', async () => {
    const world = await startWorld();
    try {
      const port = await freePort();
      const web = await startProcess('app/server.ts', {
        ...world.settings,
        PORT: String(port),
        LOG_LEVEL: 'error',
        TEST_INTEGRATION: 'stray-cards',
      });
      try {
        const ids: unknown[] = [];
        for (let times = 0; times < 2; times += 1) {
          const { target, headers } = signed(world.serverUrl, 'GET', '/crm-extension/stray');
          const answer = await fetch(`http://localhost:${port}${target}`, { headers });
          expect([answer.status, await answer.json()]).toEqual([200, { results: [] }]);
          ids.push(answer.headers.get('x-request-id'));
        }
        for (const message of ['nobody awaits this', 'nobody catches this']) {
          const lines = () =>
            web
              .output()
              .split('\n')
              .filter((line) => line.includes(message));
          await until('the log', () => lines().length === 2);
          expect(lines().map((line) => JSON.parse(line).requestId)).toEqual(ids);
        }
      } finally {
        expect(await web.kill()).toEqual({ code: 0, signal: null });
      }
    } finally {
      await world.close();
    }
  });
});
