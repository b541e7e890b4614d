import dotenv from 'dotenv';
import { z } from 'zod';
import { parseKeyRing } from './db/key-ring.ts';
import { parseApiVersions } from './hubspot/versions.ts';

const baseUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http(s) URL' })
  .transform((url) => url.replace(/\/+$/, ''));
/** The base of the URLs that HubSpot calls and signs, so it must match exactly. */
const publicUrl = baseUrl.refine(
  (url) => !/[?#]|^https?:\/\/[^/]*@/i.test(url),
  'must be a base URL without query, fragment and user name',
);
const webhookUrl = publicUrl.refine(
  (url) => !/\/webhook$/i.test(url),
  'must not include /webhook: HubSpot delivers to WEBHOOK_URL/webhook',
);
const port = z.coerce.number().int().min(0).max(65535);
const secret = z
  .string()
  .min(32, 'must be at least 32 characters; generate one with `openssl rand -base64 32`');
const words = z.string().transform((text) => text.split(/[\s,]+/).filter(Boolean));
const signatureVersion = z.enum(['v1', 'v2', 'v3'], { error: 'must list signature versions: v3, v2, v1' });
const signatureVersions = words.pipe(z.array(signatureVersion).min(1));

const RETENTION_TOO_SHORT =
  'must be at least 2: HubSpot retries a delivery for a day, and duplicates are detected by the stored event';

/** An error of the parser becomes the problem of the setting. */
function orProblem<T>(parse: (text: string) => T) {
  return (text: string, ctx: z.RefinementCtx): T => {
    try {
      return parse(text);
    } catch (error) {
      ctx.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
      return z.NEVER;
    }
  };
}

/** Every setting, in the order of `.env.example`. No other file in `app/` reads the environment. */
const settings = z.object({
  PORT: port.default(3000),
  SERVER_URL: publicUrl,
  WEBHOOK_URL: webhookUrl.optional(),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/, error: 'must be a postgres:// URL' }),
  PGSSLMODE: z.enum(['disable', 'no-verify', 'prefer', 'require', 'verify-ca', 'verify-full']).optional(),
  HUBSPOT_APP_ID: z.coerce.number().int().positive(),
  HUBSPOT_CLIENT_ID: z.string().min(1),
  HUBSPOT_CLIENT_SECRET: words.pipe(z.array(z.string()).min(1)),
  HUBSPOT_SCOPES: words.optional(),
  HUBSPOT_OPTIONAL_SCOPES: words.optional(),
  HUBSPOT_APP_EVENT_TYPE: z.string().min(1).optional(),
  HUBSPOT_API_URL: baseUrl.default('https://api.hubapi.com'),
  HUBSPOT_AUTHORIZE_URL: baseUrl.default('https://app.hubspot.com/oauth/authorize'),
  HUBSPOT_FORMS_URL: baseUrl.default('https://api.hsforms.com'),
  HUBSPOT_DEVELOPER_API_KEY: z.string().trim().optional(),
  HUBSPOT_RATE_LIMIT: z.coerce.number().int().min(0).max(1000).default(110),
  HUBSPOT_SEARCH_RATE_LIMIT: z.coerce.number().int().min(0).max(100).default(5),
  HUBSPOT_API_VERSIONS: z.string().default('').transform(orProblem(parseApiVersions)),
  TOKEN_KEYS: z.string().transform(orProblem(parseKeyRing)),
  API_KEY: secret,
  SESSION_SECRET: secret,
  INSTALL_RATE_LIMIT: z.coerce.number().int().min(0).max(100_000).default(60),
  WEBHOOK_RETENTION_DAYS: z.coerce.number().int().min(2, RETENTION_TOO_SHORT).max(3650).default(30),
  WEBHOOK_SIGNATURE_VERSIONS: signatureVersions.default(['v3']),
  CARD_SIGNATURE_VERSIONS: signatureVersions.default(['v3']),
  EVENT_DETAILS_SIGNATURE_VERSIONS: signatureVersions.default(['v3']),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
});

/** `npm start` writes its settings here for commands and removes the file when it stops. */
export const LOCAL_ENVIRONMENT = '.data/running.env';

/** The settings that select a HubSpot and an app. Without a client id `npm start` sets them to its sandbox. */
export const STAND_IN_SETTINGS = [
  'HUBSPOT_APP_ID',
  'HUBSPOT_CLIENT_ID',
  'HUBSPOT_CLIENT_SECRET',
  'HUBSPOT_API_URL',
  'HUBSPOT_AUTHORIZE_URL',
  'HUBSPOT_FORMS_URL',
  'HUBSPOT_DEVELOPER_API_KEY',
] as const;

/** The names of all settings, in order. */
export const SETTING_NAMES: readonly string[] = Object.keys(settings.shape);

export type Config = ReturnType<typeof loadConfig>;

/** Thrown by {@link loadConfig}; the message names every invalid setting but no values. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      `The settings are not usable:\n${problems.map((problem) => `  - ${problem}`).join('\n')}\n` +
        'Set them in .env or in the environment; .env.example explains each.',
    );
    this.problems = problems;
  }
}

/** The process's environment, with `.env` as fallback. */
export function readEnvironment(): Record<string, string | undefined> {
  dotenv.config({ quiet: true });
  return process.env;
}

/**
 * The environment for commands. It also contains the settings of a running `npm start` of this folder, which it keeps
 * in `.data/` while it runs, unless DATABASE_URL names another database. The tokens in that database belong to the
 * sandbox, so its HubSpot settings take precedence over `.env`.
 */
export function readCommandEnvironment(): Record<string, string | undefined> {
  const env = readEnvironment();
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value?.trim()));
  const local: Record<string, string> = {};
  dotenv.config({ path: LOCAL_ENVIRONMENT, quiet: true, processEnv: local });
  const isItsDatabase = given.DATABASE_URL === undefined || given.DATABASE_URL === local.DATABASE_URL;
  if (!isItsDatabase) return env;
  const itsHubSpot = STAND_IN_SETTINGS.flatMap((name) => (local[name] ? [[name, local[name]]] : []));
  return { ...local, ...given, ...Object.fromEntries(itsHubSpot) };
}

/** Only the database settings, for commands that need no others. */
export function loadDatabaseSettings(env: Record<string, string | undefined>) {
  const s = parse(settings.pick({ DATABASE_URL: true, PGSSLMODE: true }), env);
  return { url: s.DATABASE_URL, sslMode: s.PGSSLMODE };
}

/** Only the public URLs, if set, for commands that need no others. */
export function loadPublicUrls(env: Record<string, string | undefined>) {
  const s = parse(settings.pick({ SERVER_URL: true, WEBHOOK_URL: true }).partial(), env);
  return { serverUrl: s.SERVER_URL, webhookUrl: s.WEBHOOK_URL };
}

/** Only the versions of HubSpot's APIs, for commands that need no other settings. */
export function loadApiPaths(env: Record<string, string | undefined>) {
  return parse(settings.pick({ HUBSPOT_API_VERSIONS: true }), env).HUBSPOT_API_VERSIONS;
}

function parse<T extends z.ZodType>(schema: T, env: Record<string, string | undefined>): z.output<T> {
  // An empty string counts as not set, like an empty line in .env.
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value?.trim()));
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new ConfigError(
    parsed.error.issues.map((issue) => {
      const name = String(issue.path[0]);
      return name in given ? `${name} ${issue.message}` : `${name} is not set`;
    }),
  );
}

/** The integration's definition provides defaults. */
export interface ConfigDefaults {
  readonly scopes?: readonly string[];
  readonly optionalScopes?: readonly string[];
  readonly appEvents?: readonly { readonly name: string }[];
}

/** @throws {ConfigError} listing all problems at once. */
export function loadConfig(env: Record<string, string | undefined>, defaults: ConfigDefaults = {}) {
  const s = parse(settings, env);
  const scopes = s.HUBSPOT_SCOPES ?? [...(defaults.scopes ?? [])];
  const optionalScopes = s.HUBSPOT_OPTIONAL_SCOPES ?? [...(defaults.optionalScopes ?? [])];
  const [firstEvent] = defaults.appEvents ?? [];
  return Object.freeze({
    port: s.PORT,
    /** Public base URL without a trailing slash. */
    serverUrl: s.SERVER_URL,
    /** The base URL for webhooks, if it differs. */
    webhookUrl: s.WEBHOOK_URL,
    database: { url: s.DATABASE_URL, sslMode: s.PGSSLMODE },
    hubspot: {
      appId: s.HUBSPOT_APP_ID,
      clientId: s.HUBSPOT_CLIENT_ID,
      /** Newest first. The first one authenticates this app; all are accepted when verifying signatures. */
      clientSecrets: s.HUBSPOT_CLIENT_SECRET,
      scopes,
      /** Without the required ones. */
      optionalScopes: optionalScopes.filter((scope) => !scopes.includes(scope)),
      /** The full name of the default app event type. */
      appEventType: s.HUBSPOT_APP_EVENT_TYPE ?? (firstEvent && `ae${s.HUBSPOT_APP_ID}_${firstEvent.name}`),
      apiUrl: s.HUBSPOT_API_URL,
      authorizeUrl: s.HUBSPOT_AUTHORIZE_URL,
      formsUrl: s.HUBSPOT_FORMS_URL,
      /** The version and path of each of HubSpot's API areas. */
      apiPaths: s.HUBSPOT_API_VERSIONS,
      /** Needed only to manage a legacy app's webhook subscriptions. */
      developerApiKey: s.HUBSPOT_DEVELOPER_API_KEY,
      /** Slightly longer than HubSpot's windows, because of clock differences and network latency. */
      limits: {
        general: { calls: s.HUBSPOT_RATE_LIMIT, windowMs: 10_400, untilAnswered: false },
        search: { calls: s.HUBSPOT_SEARCH_RATE_LIMIT, windowMs: 1_005, untilAnswered: true },
      },
      redirectUri: `${s.SERVER_URL}/oauth-callback`,
    },
    tokenKeys: s.TOKEN_KEYS,
    apiKey: s.API_KEY,
    sessionSecret: s.SESSION_SECRET,
    /** Requests per minute from one address to the install routes; 0: no limit. */
    installRateLimit: s.INSTALL_RATE_LIMIT,
    webhookRetentionDays: s.WEBHOOK_RETENTION_DAYS,
    /** The signature versions that each kind of route accepts. */
    signatureVersions: {
      webhook: s.WEBHOOK_SIGNATURE_VERSIONS,
      card: s.CARD_SIGNATURE_VERSIONS,
      eventDetails: s.EVENT_DETAILS_SIGNATURE_VERSIONS,
    },
    logLevel: s.LOG_LEVEL,
  });
}
