import { describeFailures, type InstallFailure } from './failure-pages.ts';
import { badClient, useInstallBrowser } from './install-browser.ts';

const app = useInstallBrowser();
const { failing, finalize, marketplaceCallback, ownCallback } = app;

const DOWN = { status: 502, code: 'hubspot_unavailable', heading: 'HubSpot is not answering' };
const HALF = { status: 502, code: 'hubspot_incomplete', heading: 'HubSpot’s answer could not be read' };
const REFUSED = { status: 400, code: 'install_refused', heading: 'HubSpot ended the install' };
const WRONG_APP = {
  status: 502,
  code: 'app_misconfigured',
  heading: 'This app is not set up correctly',
};

const failures: InstallFailure[] = [
  ...[
    { what: 'does not exchange codes', status: 500 },
    { what: 'is over its limit, and stays so', status: 429, times: 3 },
    { what: 'is over its limit for a minute', status: 429, headers: { 'retry-after': '60' } },
    { what: 'has a proxy that returns 502', status: 502 },
    { what: 'has a proxy that returns 504', status: 504 },
    { what: 'closes the connection', status: 0 },
    { what: 'answers with a page', status: 200, body: '<html>Maintenance</html>' },
    { what: 'answers with nothing', status: 200 },
    {
      what: 'is behind a firewall that blocks the request',
      status: 403,
      body: '<html>Blocked</html>',
    },
  ].map(({ what, ...failure }) => ({
    what: `HubSpot ${what}`,
    ...DOWN,
    reach: () => failing('/oauth/*/token', failure, ownCallback()),
  })),
  {
    what: 'HubSpot is down while the marketplace waits',
    ...DOWN,
    reach: () => failing('/oauth/*/token', { status: 503 }, marketplaceCallback()),
  },
  {
    what: 'HubSpot is down at the last step',
    ...DOWN,
    reach: () => failing('/oauth/*/token', { status: 503 }, finalize()),
  },
  {
    what: 'HubSpot does not say whose token it is',
    ...DOWN,
    reach: async () => {
      const body = { access_token: 'x', refresh_token: 'y', token_type: 'bearer', expires_in: 1800 };
      const step = await failing('/oauth/*/token', { status: 200, body }, ownCallback());
      return failing('/oauth/*/introspect', { status: 503, times: 3 }, Promise.resolve(step));
    },
  },
  {
    what: 'HubSpot reports a new token as inactive',
    ...HALF,
    reach: () => failing('/oauth/*/introspect', { status: 200, body: { active: false } }, ownCallback()),
  },
  ...[{ active: true }, { active: true, hub_id: null }, { active: true, hub_id: 'x' }, 'null', [], ''].map(
    (info) => ({
      what: `HubSpot does not name the account (${JSON.stringify(info)})`,
      ...HALF,
      reach: async () => {
        const body = { access_token: 'x', refresh_token: 'y', token_type: 'bearer', expires_in: 1800 };
        const step = await failing('/oauth/*/token', { status: 200, body }, ownCallback());
        return failing('/oauth/*/introspect', { status: 200, body: info }, Promise.resolve(step));
      },
    }),
  ),
  {
    what: 'HubSpot gives no refresh token',
    ...HALF,
    reach: async () => {
      const body = { access_token: 'x', token_type: 'bearer', expires_in: 1800 };
      const step = await failing('/oauth/*/token', { status: 200, body }, ownCallback());
      const info = { active: true, hub_id: 62515 };
      return failing('/oauth/*/introspect', { status: 200, body: info }, Promise.resolve(step));
    },
  },
  ...[
    { what: 'BAD_SCOPES', failure: badClient('BAD_SCOPES', 'invalid_scope') },
    { what: '403 BANNED', failure: { status: 403, body: { status: 'error', category: 'BANNED' } } },
  ].map(({ what, failure }) => ({
    what: `HubSpot refuses this install (${what})`,
    ...REFUSED,
    reach: () => failing('/oauth/*/token', failure, ownCallback()),
  })),
  ...['BAD_CLIENT_ID', 'BAD_CLIENT_SECRET'].map((status) => ({
    what: `HubSpot returns ${status}`,
    ...WRONG_APP,
    reach: () => failing('/oauth/*/token', badClient(status), ownCallback()),
  })),
  {
    what: 'HubSpot returns BAD_REDIRECT_URI',
    ...WRONG_APP,
    reach: () => failing('/oauth/*/token', badClient('BAD_REDIRECT_URI', 'invalid_grant'), ownCallback()),
  },
];

describeFailures(failures, app);
