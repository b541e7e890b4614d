import path from 'node:path';
import { readProjectScopes } from '../../app/project-scopes.ts';
import { PROJECT } from './vendor.ts';

const { required, optional } = readProjectScopes(path.join(PROJECT, 'src', 'app', 'app-hsmeta.json'));

/** Settings of an app that talks to a sandbox. The secrets are recognisable, so that tests can search for leaks. */
export function testSettings(from: { databaseUrl: string; serverUrl: string; sandboxUrl: string }) {
  return {
    PORT: new URL(from.serverUrl).port,
    SERVER_URL: from.serverUrl,
    DATABASE_URL: from.databaseUrl,
    HUBSPOT_APP_ID: '193354',
    HUBSPOT_CLIENT_ID: 'sandbox-client-id',
    HUBSPOT_CLIENT_SECRET: 'sandbox-client-secret',
    HUBSPOT_SCOPES: required.join(' '),
    HUBSPOT_OPTIONAL_SCOPES: optional.join(' '),
    HUBSPOT_API_URL: from.sandboxUrl,
    HUBSPOT_AUTHORIZE_URL: `${from.sandboxUrl}/oauth/authorize`,
    HUBSPOT_FORMS_URL: from.sandboxUrl,
    TOKEN_KEYS: `test:${Buffer.alloc(32, 7).toString('base64url')}`,
    API_KEY,
    SESSION_SECRET: 'test-session-secret-test-session-secret',
    // Tests install more often than people do.
    INSTALL_RATE_LIMIT: '0',
    LOG_LEVEL: process.env.TEST_LOG_LEVEL ?? 'silent',
  };
}

export const API_KEY = 'test-api-key-test-api-key-test-api-key';
