import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { styleText } from 'node:util';
import dotenv from 'dotenv';
import { reasonOf } from '../app/base/reason-of.ts';
import {
  ConfigError,
  LOCAL_ENVIRONMENT,
  loadConfig,
  readEnvironment,
  SETTING_NAMES,
  type STAND_IN_SETTINGS,
} from '../app/config.ts';
import { migrate } from '../app/db/migrate.ts';
import { createPool, type DatabaseSettings, PATIENCE } from '../app/db/pool.ts';
import { integrationProblem } from './check-integration.ts';
import { localSecrets } from './local-secrets.ts';
import { typeCheck } from './type-check.ts';

/**
 * `npm start`: runs everything in one terminal. Without settings it uses an embedded PostgreSQL, generated secrets and the
 * sandbox; DATABASE_URL and HUBSPOT_CLIENT_ID replace them one by one.
 */
const ROOT = path.join(import.meta.dirname, '..');
/** In the folder of .env: npm runs scripts in the package's folder. */
const DATA = path.resolve('.data');
const children: { name: string; process: ChildProcess }[] = [];
let stopping = false;
/** True once this process has written the settings for commands; another one may have written its own before. */
let commandsTold = false;

/** A problem that the user can fix; printed without a stack. */
class StartProblem extends Error {}

// The code from here on may use only the declarations above, and functions: the rest of the file is evaluated
// after the start.
try {
  await start();
} catch (error) {
  if (stopping) await theEnd();
  if (error instanceof StartProblem || error instanceof ConfigError) console.error(`\n${error.message}`);
  else console.error(error);
  await stop(1);
}

async function start() {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop(0));
  const given = Object.fromEntries(Object.entries(readEnvironment()).filter(([, value]) => value?.trim()));
  const sandboxed = given.HUBSPOT_CLIENT_ID === undefined;
  await requireNoOther();
  const port = await freePort('PORT', given.PORT ?? '3000');
  const sandboxPort = sandboxed ? await freePort('SANDBOX_PORT', given.SANDBOX_PORT ?? '3001') : 0;

  const settings: Record<string, string | undefined> = {
    ...(await localSecrets(DATA).catch(refuseStart)),
    SERVER_URL: `http://localhost:${port}`,
    ...given,
    PORT: String(port),
    ...(sandboxed && sandboxSettings(sandboxPort)),
  };
  const problem = await integrationProblem();
  if (problem) throw new StartProblem(problem);
  if (!settings.DATABASE_URL) settings.DATABASE_URL = await startDatabase();
  const config = loadConfig(settings);

  say('database', 'migrating');
  await migrate(config.database).catch((error) => {
    throw new StartProblem(`The database cannot be used: ${reasonOf(error)}`);
  });
  const forgotten = sandboxed ? await countInstalls(config.database) : 0;
  if (sandboxed) await startChild('sandbox', 'sandbox/main.ts', settings);
  await Promise.all([
    startChild('web', 'app/server.ts', settings),
    startChild('worker', 'app/worker.ts', settings),
  ]);
  await tellCommands(settings);
  console.log(
    welcome(
      config.serverUrl,
      sandboxed ? `http://localhost:${sandboxPort}` : undefined,
      given.API_KEY ? undefined : config.apiKey,
      forgotten,
    ),
  );
  checkTypes();
}

/** The sandbox's app. Takes precedence over .env, so that a start without a client id cannot reach HubSpot. */
function sandboxSettings(port: number): Record<(typeof STAND_IN_SETTINGS)[number], string> {
  const url = `http://localhost:${port}`;
  return {
    HUBSPOT_APP_ID: '193354',
    HUBSPOT_CLIENT_ID: 'sandbox-client-id',
    HUBSPOT_CLIENT_SECRET: 'sandbox-client-secret',
    HUBSPOT_API_URL: url,
    HUBSPOT_AUTHORIZE_URL: `${url}/oauth/authorize`,
    HUBSPOT_FORMS_URL: url,
    HUBSPOT_DEVELOPER_API_KEY: 'sandbox-developer-key',
  };
}

/** The installs of earlier starts. The sandbox does not persist, so it does not know them. */
async function countInstalls(database: DatabaseSettings): Promise<number> {
  const pool = createPool(database, () => {}, PATIENCE.migration);
  try {
    const { rows } = await pool.query(
      `select count(*)::int as count from installs where state in ('active', 'backing_off')`,
    );
    return rows[0].count;
  } finally {
    await pool.end();
  }
}

async function startDatabase(): Promise<string> {
  say('database', 'starting');
  // Its own process group, so that Ctrl-C does not stop it before the processes that use it.
  const child = fork(path.join(import.meta.dirname, 'postgres.ts'), [path.join(DATA, 'postgres')], {
    detached: true,
  });
  children.push({ name: 'database', process: child });
  const [message] = await Promise.race([once(child, 'message'), once(child, 'exit').then(() => [undefined])]);
  if (!message) throw new StartProblem('The embedded database did not start; the reason is above.');
  return (message as { url: string }).url;
}

/** Starts a process and waits until it is ready. If it ends later, it is restarted, as on Heroku. */
async function startChild(
  name: string,
  file: string,
  env: Record<string, string | undefined>,
): Promise<void> {
  if (stopping) await theEnd();
  const child = fork(path.join(ROOT, file), [], { env: env as NodeJS.ProcessEnv, detached: true });
  const entry = { name, process: child };
  children.push(entry);
  const ready = await Promise.race([
    once(child, 'message').then(() => true),
    once(child, 'exit').then(() => false),
  ]);
  if (!ready) throw new StartProblem(`${name} did not start; the reason is above.`);
  child.once('exit', () => {
    children.splice(children.indexOf(entry), 1);
    if (stopping) return;
    say(name, 'ended unexpectedly; starting it again');
    setTimeout(() => startChild(name, file, env).catch(() => stop(1)), 1000);
  });
}

/** In the background: type errors are printed but do not prevent the start. */
function checkTypes() {
  const { child, errors } = typeCheck(ROOT);
  if (!child) return;
  const entry = { name: 'types', process: child };
  children.push(entry);
  errors.then((lines) => {
    children.splice(children.indexOf(entry), 1);
    if (stopping || lines.length === 0) return;
    const text = lines.length === 1 ? 'one type error' : `${lines.length} type errors`;
    console.error(
      `\nintegration: ${text}. The app runs, but may not work as written.\n  ${lines.join('\n  ')}\n`,
    );
  });
}

/** Writes the settings for `npm run hubspot` in another terminal, readable only by the owner. */
async function tellCommands(settings: Record<string, string | undefined>): Promise<void> {
  const lines = SETTING_NAMES.flatMap((name) => (settings[name] ? [`${name}="${settings[name]}"`] : []));
  commandsTold = true;
  await mkdir(path.dirname(LOCAL_ENVIRONMENT), { recursive: true });
  await writeFile(LOCAL_ENVIRONMENT, `${lines.join('\n')}\n`, { mode: 0o600 });
}

function refuseStart(error: unknown): never {
  throw new StartProblem(reasonOf(error));
}

/** Never resolves: nothing may continue after stopping has begun, because the process is about to exit. */
function theEnd(): Promise<never> {
  return new Promise(() => {});
}

/** Stops the processes in the order of their dependencies, the database last. */
async function stop(exitCode: number): Promise<void> {
  if (stopping) return;
  stopping = true;
  if (children.length > 0) console.log('\nStopping …');
  const [database, rest] = [children.filter(isDatabase), children.filter((child) => !isDatabase(child))];
  if (commandsTold) await rm(LOCAL_ENVIRONMENT, { force: true });
  for (const group of [rest, database]) await Promise.all(group.map(({ process }) => end(process)));
  process.exit(exitCode);
}

function isDatabase({ name }: { name: string }): boolean {
  return name === 'database';
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}

/** Two starts in one folder would share the database and the settings, and stop each other's. */
async function requireNoOther(): Promise<void> {
  const other: Record<string, string> = {};
  dotenv.config({ path: LOCAL_ENVIRONMENT, quiet: true, processEnv: other });
  if (!other.PORT) return;
  const answer = await fetch(`http://localhost:${other.PORT}/healthz`, {
    signal: AbortSignal.timeout(2_000),
  }).catch(() => undefined);
  if (!answer?.ok) return;
  throw new StartProblem(
    `npm start runs in this folder already, on port ${other.PORT}: stop it first. If it does not, delete ${LOCAL_ENVIRONMENT}.`,
  );
}

/** The port of a setting; fails when it is in use. */
async function freePort(setting: string, value: string): Promise<number> {
  const port = Number(value);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new StartProblem(`${setting} must be a port number from 1 to 65535.`);
  }
  const probe = createServer();
  try {
    probe.listen(port);
    await once(probe, 'listening');
    return port;
  } catch {
    throw new StartProblem(
      `Port ${port} is taken: stop what uses it, or start with ${setting}=<another port>.`,
    );
  } finally {
    probe.close();
  }
}

function say(name: string, text: string) {
  if (!stopping) console.log(styleText('dim', `${name}: ${text}`));
}

/** @param forgotten number of stored installs that the sandbox does not know. */
function welcome(
  serverUrl: string,
  sandboxUrl: string | undefined,
  apiKey: string | undefined,
  forgotten: number,
): string {
  const strong = (text: string) => styleText(['bold', 'cyan'], text);
  const lines = [
    '',
    `  The app runs at       ${strong(serverUrl)}`,
    ...(sandboxUrl
      ? [`  The stand-in HubSpot  ${strong(sandboxUrl)}`]
      : ['  HubSpot               the real one (HUBSPOT_CLIENT_ID is set)']),
    ...(apiKey ? [`  API key               ${apiKey}`] : []),
    '',
    ...(forgotten > 0
      ? [
          `  The stand-in HubSpot begins anew at each start, and ${forgotten === 1 ? 'one stored install is' : `${forgotten} stored installs are`} stale: install again.`,
        ]
      : []),
    `  Next: open ${serverUrl}, click Install, approve, and go on to a contact of the account.`,
    '  Ctrl-C stops everything; what was stored stays in .data/.',
    '',
  ];
  return lines.join('\n');
}
