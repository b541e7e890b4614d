import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ConfigError, loadConfig, loadDatabaseSettings, SETTING_NAMES } from '../app/config.ts';

const KEY = Buffer.alloc(32, 7).toString('base64url');

/** What a deployment has to set; everything else has a default. */
const REQUIRED = {
  SERVER_URL: 'https://app.example.com',
  DATABASE_URL: 'postgres://user:secret@localhost/app',
  HUBSPOT_APP_ID: '193354',
  HUBSPOT_CLIENT_ID: 'client-id',
  HUBSPOT_CLIENT_SECRET: 'client-secret',
  TOKEN_KEYS: `k1:${KEY}`,
  API_KEY: 'a'.repeat(32),
  SESSION_SECRET: 's'.repeat(32),
};

const INTEGRATION = {
  scopes: ['oauth', 'timeline'],
  optionalScopes: ['tickets', 'content'],
  appEvents: [{ name: 'app-activity' }],
};

describe('the settings', () => {
  it('are eight required ones, and all missing ones are reported at once', () => {
    const { problems, message } = refusal({});
    expect(problems).toEqual(Object.keys(REQUIRED).map((name) => `${name} is not set`));
    for (const problem of problems) expect(message).toContain(`\n  - ${problem}`);
    expect(message).toContain('.env.example explains each');
  });

  it('default to HubSpot’s URLs and sensible values', () => {
    expect(loadConfig(REQUIRED, INTEGRATION)).toMatchObject({
      port: 3000,
      serverUrl: 'https://app.example.com',
      database: { url: REQUIRED.DATABASE_URL, sslMode: undefined },
      hubspot: {
        appId: 193354,
        clientId: 'client-id',
        clientSecrets: ['client-secret'],
        scopes: ['oauth', 'timeline'],
        optionalScopes: ['tickets', 'content'],
        appEventType: 'ae193354_app-activity',
        apiUrl: 'https://api.hubapi.com',
        authorizeUrl: 'https://app.hubspot.com/oauth/authorize',
        formsUrl: 'https://api.hsforms.com',
        redirectUri: 'https://app.example.com/oauth-callback',
      },
      tokenKeys: [{ id: 'k1', key: Buffer.alloc(32, 7) }],
      apiKey: REQUIRED.API_KEY,
      sessionSecret: REQUIRED.SESSION_SECRET,
      logLevel: 'info',
      webhookRetentionDays: 30,
    });
  });

  it('may have surrounding spaces and common spellings', () => {
    const config = loadConfig({
      ...REQUIRED,
      PORT: '0',
      SERVER_URL: 'https://app.example.com/base//',
      WEBHOOK_URL: 'https://hooks.example.com/hubspot/',
      PGSSLMODE: 'require',
      HUBSPOT_CLIENT_SECRET: 'newest, older',
      HUBSPOT_SCOPES: 'oauth  tickets,timeline',
      HUBSPOT_OPTIONAL_SCOPES: 'crm.objects.deals.read',
      HUBSPOT_APP_EVENT_TYPE: 'ae1_mine',
      TOKEN_KEYS: `k2:${KEY}, k1:${KEY}`,
    });
    expect(config).toMatchObject({
      port: 0,
      serverUrl: 'https://app.example.com/base',
      webhookUrl: 'https://hooks.example.com/hubspot',
      database: { sslMode: 'require' },
      hubspot: {
        clientSecrets: ['newest', 'older'],
        scopes: ['oauth', 'tickets', 'timeline'],
        optionalScopes: ['crm.objects.deals.read'],
        appEventType: 'ae1_mine',
        redirectUri: 'https://app.example.com/base/oauth-callback',
      },
    });
    expect(config.tokenKeys.map(({ id }) => id)).toEqual(['k2', 'k1']);
  });

  it('default to the scopes of the integration, separately for each list', () => {
    const scopes = (settings: Record<string, string>) => {
      const { hubspot } = loadConfig({ ...REQUIRED, ...settings }, INTEGRATION);
      return [hubspot.scopes, hubspot.optionalScopes];
    };
    expect(scopes({})).toEqual([
      ['oauth', 'timeline'],
      ['tickets', 'content'],
    ]);
    expect(scopes({ HUBSPOT_SCOPES: 'oauth tickets' })).toEqual([['oauth', 'tickets'], ['content']]);
    expect(scopes({ HUBSPOT_OPTIONAL_SCOPES: 'forms oauth' })).toEqual([['oauth', 'timeline'], ['forms']]);
  });

  it('that are empty count as not set', () => {
    const emptied = Object.fromEntries(SETTING_NAMES.map((name) => [name, '  ']));
    expect(refusal(emptied).problems).toHaveLength(8);
    expect(loadConfig({ ...emptied, ...REQUIRED })).toEqual(loadConfig(REQUIRED));
  });

  it('that are invalid are all reported at once, without their values', () => {
    const wrong = {
      PORT: 'port-3000x',
      SERVER_URL: 'ftp://server-url.example',
      WEBHOOK_URL: 'https://webhook-url.example?x',
      DATABASE_URL: 'mysql://user:database-password@localhost/app',
      PGSSLMODE: 'pgsslmode-x',
      HUBSPOT_APP_ID: 'app-id-x',
      HUBSPOT_CLIENT_SECRET: ' , ',
      HUBSPOT_API_URL: 'api-url-x',
      HUBSPOT_AUTHORIZE_URL: 'javascript:authorize-url-x',
      HUBSPOT_FORMS_URL: '//forms-url-x',
      TOKEN_KEYS: `k1:token-key-x,k1:${KEY}`,
      API_KEY: 'api-key-too-short',
      SESSION_SECRET: 'session-secret-too-short',
      LOG_LEVEL: 'log-level-x',
    };
    const { problems, message } = refusal({ ...REQUIRED, ...wrong });
    expect(problems.map((problem) => problem.split(' ')[0])).toEqual(Object.keys(wrong));
    expect(problems.every((problem) => problem.split(' ').length > 2)).toBe(true);
    for (const value of Object.values(wrong)) if (value.trim() !== ',') expect(message).not.toContain(value);
    expect(message).not.toContain('database-password');
    expect(message).not.toContain(KEY);
  });

  it.each([
    ['API_KEY', 'x'.repeat(31), 'API_KEY must be at least 32 characters'],
    ['SESSION_SECRET', 'x'.repeat(31), 'SESSION_SECRET must be at least 32 characters'],
    ['SERVER_URL', 'app.example.com', 'SERVER_URL must be an http(s) URL'],
    ['SERVER_URL', 'https://app.example.com?a=1', 'SERVER_URL must be a base URL without query'],
    ['WEBHOOK_URL', 'hooks.example.com', 'WEBHOOK_URL must be an http(s) URL'],
    ['WEBHOOK_URL', 'https://hooks.example.com/#a', 'WEBHOOK_URL must be a base URL without query, fragment'],
    ['WEBHOOK_URL', 'https://me:it@hooks.example.com', 'WEBHOOK_URL must be a base URL'],
    [
      'WEBHOOK_URL',
      'https://hooks.example.com/webhook/',
      'WEBHOOK_URL must not include /webhook: HubSpot delivers to',
    ],
    ['DATABASE_URL', 'localhost/app', 'DATABASE_URL must be a postgres:// URL'],
    ['TOKEN_KEYS', 'k1:abc', 'TOKEN_KEYS key "k1" must be 32 bytes in base64url, not 2'],
    ['TOKEN_KEYS', KEY, 'TOKEN_KEYS entry 1 must look like id:base64url'],
    ['WEBHOOK_RETENTION_DAYS', '1', 'WEBHOOK_RETENTION_DAYS must be at least 2'],
  ])('%s=%p is rejected with the reason', (name, value, problem) => {
    expect(refusal({ ...REQUIRED, [name]: value }).problems).toEqual([expect.stringContaining(problem)]);
  });

  it.each(['-1', '65536', '3000.5', 'NaN', 'Infinity'])('PORT cannot be %s', (PORT) => {
    expect(refusal({ ...REQUIRED, PORT }).problems).toEqual([expect.stringMatching(/^PORT /)]);
  });

  it('are not needed for a migration, except for the database', () => {
    const { DATABASE_URL } = REQUIRED;
    expect(loadDatabaseSettings({ DATABASE_URL })).toEqual({ url: DATABASE_URL, sslMode: undefined });
    expect(loadDatabaseSettings({ DATABASE_URL, PGSSLMODE: 'require' }).sslMode).toBe('require');
    expect(() => loadDatabaseSettings({})).toThrow('DATABASE_URL is not set');
  });
});

describe('.env.example', () => {
  const lines = async () =>
    (await readFile(path.join(import.meta.dirname, '..', '.env.example'), 'utf8')).split('\n');

  it('lists exactly the settings, in their order, and the sandbox’s port at the end', async () => {
    const listed = (await lines()).flatMap((line) => /^([A-Z_]+)=/.exec(line)?.[1] ?? []);
    expect(listed).toEqual([...SETTING_NAMES, 'SANDBOX_PORT']);
  });

  it('has a comment above each setting or group of settings', async () => {
    const all = await lines();
    const unexplained = all.filter((line, index) => {
      if (!/^[A-Z_]+=/.test(line)) return false;
      const group = all.slice(0, index).reverse();
      return !group.slice(0, Math.max(group.indexOf(''), 0) || group.length).some((it) => it.startsWith('#'));
    });
    expect(unexplained).toEqual([]);
  });

  it('shows the defaults and contains no secret', async () => {
    const shown = Object.fromEntries(
      (await lines()).flatMap((line) => {
        const [, name, value] = /^([A-Z_]+)=(.*)$/.exec(line) ?? [];
        return name ? [[name, value]] : [];
      }),
    );
    const given = { ...REQUIRED, ...Object.fromEntries(Object.entries(shown).filter(([, value]) => value)) };
    expect(loadConfig({ ...given, SERVER_URL: REQUIRED.SERVER_URL })).toEqual(loadConfig(REQUIRED));
    for (const name of ['TOKEN_KEYS', 'API_KEY', 'SESSION_SECRET', 'HUBSPOT_CLIENT_SECRET', 'DATABASE_URL']) {
      expect([name, shown[name]]).toEqual([name, '']);
    }
  });
});

function refusal(env: Record<string, string>): ConfigError {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error;
  }
  throw new Error('The settings were accepted.');
}
