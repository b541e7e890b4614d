import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createDatabase, inDatabase, type TestDatabase } from '../helpers/database.ts';
import { freePort } from '../helpers/processes.ts';
import { PROGRAM_ENV } from '../helpers/program-env.ts';
import { createSandboxClient } from '../helpers/sandbox-client.ts';
import { until } from '../helpers/until.ts';

const START = path.join(import.meta.dirname, '..', '..', 'scripts', 'start.ts');
const HUBSPOT = path.join(import.meta.dirname, '..', '..', 'app', 'cli', 'main.ts');
const READY = 'Ctrl-C stops everything';

describe('npm start', () => {
  let database: TestDatabase;
  let folder: string;
  let port: number;
  let sandboxPort: number;
  const started: ChildProcess[] = [];

  beforeEach(async () => {
    database = await createDatabase();
    folder = await mkdtemp(path.join(tmpdir(), 'hubspot-app-start-'));
    // Where root runs the tests, PostgreSQL runs as another user, who has to get in.
    await chmod(folder, 0o755);
    [port, sandboxPort] = [await freePort(), await freePort()];
  });
  afterEach(async () => {
    for (const child of started.splice(0)) child.kill('SIGKILL');
    await everythingGone();
    await rm(folder, { recursive: true });
    await database.drop();
  });

  /** Starts it in a folder of its own, with nothing of this machine's settings. */
  function start(settings: Record<string, string> = {}) {
    const env = {
      ...PROGRAM_ENV,
      DATABASE_URL: database.url,
      PORT: String(port),
      SANDBOX_PORT: String(sandboxPort),
      ...settings,
    };
    const child = spawn(process.execPath, [START], { env, cwd: folder });
    started.push(child);
    const said = { out: '', err: '' };
    child.stdout.on('data', (chunk) => (said.out += chunk));
    child.stderr.on('data', (chunk) => (said.err += chunk));
    const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
    return {
      said,
      saying: (words: string) =>
        until(`the words "${words}"`, () => {
          if (child.exitCode !== null) throw new Error(`It ended:\n${said.out}${said.err}`);
          return said.out.includes(words);
        }),
      async end(signal?: NodeJS.Signals) {
        if (signal) child.kill(signal);
        const [code, by] = await ended;
        return code ?? by;
      },
    };
  }

  it('starts everything, prints the addresses, and stops all of it on Ctrl-C', async () => {
    const run = start();
    await run.saying(READY);
    expect(run.said.out).toContain(`The app runs at       http://localhost:${port}`);
    expect(run.said.out).toContain(`The stand-in HubSpot  http://localhost:${sandboxPort}`);
    expect((await fetch(`http://localhost:${port}/readyz`)).status).toBe(200);
    expect((await fetch(`http://localhost:${sandboxPort}`)).status).toBe(200);

    const [, key] = /API key +(\S+)/.exec(run.said.out) ?? [];
    const headers = { authorization: `Bearer ${key}` };
    expect((await fetch(`http://localhost:${port}/hubid/1`, { headers })).status).toBe(404);

    expect(await run.end('SIGINT')).toBe(0);
    expect(run.said.out).toContain('Stopping …');
    expect(run.said.err).toBe('');
    await everythingGone();
  });

  it.each(['migrating', 'Sandbox (a stand-in for HubSpot)'])(
    'stops without errors while it prints “%s”',
    async (moment) => {
      const run = start();
      await run.saying(moment);
      expect(await run.end('SIGINT')).toBe(0);
      expect(run.said.err).toBe('');
      expect(run.said.out).not.toContain(READY);
      await everythingGone();
    },
  );

  it.each(['SIGTERM', 'SIGHUP'] as const)('ends on %s too', async (signal) => {
    const run = start();
    await run.saying(READY);
    expect(await run.end(signal)).toBe(0);
    await everythingGone();
  });

  it('leaves no process running when it is killed', async () => {
    const run = start();
    await run.saying(READY);
    expect(await run.end('SIGKILL')).toBe('SIGKILL');
    await everythingGone();
  });

  it('does not print an API key from the settings', async () => {
    const API_KEY = 'an-api-key-of-the-operator-0123456789';
    const run = start({ API_KEY });
    await run.saying(READY);
    expect(run.said.out).not.toContain(API_KEY);
    expect(run.said.out).not.toContain('API key');
  });

  it('creates a database and secrets, and keeps both for the next start', async () => {
    const told = async () => {
      const run = start({ DATABASE_URL: '' });
      await run.saying(READY);
      const [, key = ''] = /API key +(\S+)/.exec(run.said.out) ?? [];
      return { run, key };
    };
    const first = await told();
    const hubspotUser = createSandboxClient(`http://localhost:${sandboxPort}`);
    const begun = await fetch(`http://localhost:${port}/install`, { redirect: 'manual' });
    const callback = await hubspotUser.decide(begun.headers.get('location') ?? '', 'approve');
    expect((await fetch(callback)).status).toBe(200);
    expect(first.run.said.out).not.toContain('stale');
    expect(await first.run.end('SIGINT')).toBe(0);
    expect(first.run.said.err).toBe('');
    expect(await readdir(path.join(folder, '.data', 'postgres'))).not.toContain('postmaster.pid');

    const second = await told();
    expect(second.key).toBe(first.key);
    expect(second.run.said.out).toContain('one stored install is stale: install again.\n  Next: open http');
    const headers = { authorization: `Bearer ${second.key}` };
    expect((await fetch(`http://localhost:${port}/hubid/62515`, { headers })).status).toBe(200);
    expect(await second.run.end('SIGINT')).toBe(0);
  });

  describe('exits with 1 and one sentence when', () => {
    let taken: Server;
    beforeAll(async () => {
      taken = createServer().listen(0);
      await once(taken, 'listening');
    });
    afterAll(() => {
      taken.close();
    });
    const takenPort = () => String((taken.address() as AddressInfo).port);

    it.each<[string, () => Record<string, string>, () => string]>([
      [
        'the port is taken',
        () => ({ PORT: takenPort() }),
        () => `Port ${takenPort()} is taken: stop what uses it, or start with PORT=<another port>.`,
      ],
      [
        'the sandbox’s port is taken',
        () => ({ SANDBOX_PORT: takenPort() }),
        () => `Port ${takenPort()} is taken: stop what uses it, or start with SANDBOX_PORT=<another port>.`,
      ],
      [
        'the port is no number',
        () => ({ PORT: 'http' }),
        () => 'PORT must be a port number from 1 to 65535.',
      ],
      [
        'the database does not answer',
        () => ({ DATABASE_URL: 'postgres://user:a-secret-password@127.0.0.1:1/app' }),
        () => 'The database cannot be used: connect ECONNREFUSED 127.0.0.1:1',
      ],
    ])('%s', async (_what, settings, sentence) => {
      const run = start(settings());
      expect(await run.end()).toBe(1);
      expect(run.said.err.trim()).toBe(sentence());
      expect(run.said.out).not.toContain('Stopping');
    });

    it('the stored secrets are invalid, without printing them', async () => {
      await mkdir(path.join(folder, '.data'));
      const file = path.join(folder, '.data', 'secrets.json');
      await writeFile(file, '{"API_KEY": a-secret}');
      const run = start();
      expect(await run.end()).toBe(1);
      expect(run.said.err.trim()).toMatch(/secrets\.json(:1:\d+)? is not JSON: Unexpected token 'a'\.$/);
      expect(run.said.err + run.said.out).not.toContain('secret}');
    });

    it('settings are invalid, and lists all of them', async () => {
      const run = start({ HUBSPOT_CLIENT_ID: 'an-app-of-hubspot', LOG_LEVEL: 'loud' });
      expect(await run.end()).toBe(1);
      expect(run.said.err).toContain('HUBSPOT_APP_ID is not set');
      expect(run.said.err).toContain('HUBSPOT_CLIENT_SECRET is not set');
      expect(run.said.err).toContain('LOG_LEVEL');
      expect(run.said.err).not.toMatch(/^ +at /m);
    });
  });

  describe('and the real HubSpot', () => {
    let decoy: Server;
    let decoyUrl: string;
    const reached: string[] = [];
    beforeAll(async () => {
      decoy = createServer((req, res) => {
        reached.push(`${req.method} ${req.url}`);
        res.end('{}');
      }).listen(0);
      await once(decoy, 'listening');
      decoyUrl = `http://localhost:${(decoy.address() as AddressInfo).port}`;
    });
    afterAll(() => {
      decoy.close();
    });

    it('are never connected without a client id, whatever .env and the environment say', async () => {
      const lines = [
        'HUBSPOT_CLIENT_ID=',
        'HUBSPOT_APP_ID=1',
        'HUBSPOT_CLIENT_SECRET=the-secret-of-a-real-app',
        `HUBSPOT_API_URL=${decoyUrl}`,
        `HUBSPOT_AUTHORIZE_URL=${decoyUrl}/oauth/authorize`,
      ];
      await writeFile(path.join(folder, '.env'), lines.join('\n'));
      const run = start({ HUBSPOT_API_URL: decoyUrl, HUBSPOT_FORMS_URL: decoyUrl });
      await run.saying(READY);

      const begun = await fetch(`http://localhost:${port}/install`, { redirect: 'manual' });
      const authorizeUrl = begun.headers.get('location') ?? '';
      expect(new URL(authorizeUrl).origin).toBe(`http://localhost:${sandboxPort}`);
      const hubspotUser = createSandboxClient(`http://localhost:${sandboxPort}`);
      const installed = await fetch(await hubspotUser.decide(authorizeUrl, 'approve'));
      expect(installed.status).toBe(200);
      expect(await installed.text()).toContain('The app is connected');

      const command = spawn(process.execPath, [HUBSPOT, 'contacts', 'get-by-email', 'jane@example.com'], {
        env: { PATH: process.env.PATH, HUBSPOT_API_URL: decoyUrl },
        cwd: folder,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      expect(await text(command.stdout)).toMatch(/^id +101$/m);
      expect(reached).toEqual([]);
    });

    it('are connected, without a sandbox, when a client id is set', async () => {
      await writeFile(path.join(folder, '.env'), 'HUBSPOT_APP_ID=193354\nHUBSPOT_CLIENT_SECRET=a-secret\n');
      const run = start({ HUBSPOT_CLIENT_ID: 'the-id-of-a-real-app', HUBSPOT_API_URL: decoyUrl });
      await run.saying(READY);
      expect(run.said.out).toContain('HubSpot               the real one');
      expect(await isListening(sandboxPort)).toBe(false);
      const begun = await fetch(`http://localhost:${port}/install`, { redirect: 'manual' });
      const authorizeUrl = new URL(begun.headers.get('location') ?? '');
      expect(authorizeUrl.origin + authorizeUrl.pathname).toBe('https://app.hubspot.com/oauth/authorize');
      expect(authorizeUrl.searchParams.get('client_id')).toBe('the-id-of-a-real-app');
    });
  });

  /** Nobody listens on the ports and nobody is connected to the database: web, worker and sandbox are gone. */
  async function everythingGone() {
    const name = new URL(database.url).pathname.slice(1);
    // PostgreSQL takes a moment to notice that a process has gone.
    await until('nobody to be connected to the database', () =>
      inDatabase('postgres', async (client) => {
        const { rows } = await client.query('select from pg_stat_activity where datname = $1', [name]);
        return rows.length === 0;
      }),
    );
    await until('nobody to listen', async () => {
      const listening = await Promise.all([port, sandboxPort].map(isListening));
      return !listening.includes(true);
    });
  }
});

async function isListening(port: number): Promise<boolean> {
  const probe = connect(port, 'localhost');
  try {
    await once(probe, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    probe.destroy();
  }
}
