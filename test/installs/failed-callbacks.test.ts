import { expect } from '@jest/globals';
import { describeFailures, type InstallFailure } from './failure-pages.ts';
import {
  ATTACK,
  changed,
  ELSEWHERE,
  LACKS_SCOPES,
  open,
  queryOf,
  type Step,
  take,
  useInstallBrowser,
  withQuery,
} from './install-browser.ts';

const app = useInstallBrowser();
const { advance, begin, callback, finalize, marketplaceCallback, ownCallback, signIn, signInPage, stateOf } =
  app;

const NOT_STARTED = { status: 400, code: 'state_unknown', heading: 'This install was not started here' };
const UNASKED = { status: 400, code: 'callback_unasked', heading: 'This install was not started here' };
const INCOMPLETE = { status: 400, code: 'callback_incomplete', heading: 'The install was not finished' };
const TOO_LATE = { status: 410, code: 'state_expired', heading: 'The install took too long' };
const FINISHED = { status: 409, code: 'state_used', heading: 'This install is finished already' };
const BAD_CODE = { status: 400, code: 'code_refused', heading: 'HubSpot does not accept the code' };
const BAD_RETURN_URL = {
  status: 400,
  code: 'return_url_refused',
  heading: 'The return address is not HubSpot’s',
};
const REFUSED = { status: 400, code: 'install_refused', heading: 'HubSpot ended the install' };
const NO_SCOPES = {
  status: 403,
  code: 'scopes_refused',
  isPermanent: true,
  heading: 'HubSpot did not grant what this app needs',
};
const APP_REFUSED = {
  status: 400,
  code: 'app_refused',
  isPermanent: true,
  heading: 'HubSpot does not accept this app',
};
const MINUTE = 60 * 1000;

const late = async (step: Step): Promise<Step> => {
  advance(10 * MINUTE + 1);
  return step;
};

const failures: InstallFailure[] = [
  {
    what: 'the user declines',
    status: 403,
    code: 'access_denied',
    heading: 'The install was declined',
    reach: async () => app.world.sandbox.decide(await begin(), 'deny'),
  },
  {
    what: 'HubSpot ends it with an unknown error',
    ...REFUSED,
    reach: async () => callback({ error: 'server_error', error_description: ATTACK, ...(await stateOf()) }),
  },
  {
    what: 'the account has no access to the scopes',
    ...NO_SCOPES,
    reach: async () =>
      callback({ error: 'invalid_scope', error_description: LACKS_SCOPES, ...(await stateOf()) }),
  },
  {
    what: 'only the description names the scopes',
    ...NO_SCOPES,
    reach: async () =>
      callback({ error: 'access_denied', error_description: LACKS_SCOPES, ...(await stateOf()) }),
  },
  {
    what: 'the marketplace says that the account has no access to the scopes',
    ...NO_SCOPES,
    reach: async () =>
      callback({ error: 'invalid_scope', returnUrl: 'https://app.hubspot.com/integrations' }),
  },
  {
    what: 'HubSpot does not know the app',
    ...APP_REFUSED,
    reach: async () => callback({ error: 'unauthorized_client', ...(await stateOf()) }),
  },
  {
    what: 'the account has no access to the scopes, and the state is unknown',
    ...NOT_STARTED,
    isPermanent: true,
    reach: async () =>
      callback({ error: 'invalid_scope', error_description: LACKS_SCOPES, state: 'made-up-state' }),
  },
  {
    what: 'an error comes ten minutes later',
    ...TOO_LATE,
    reach: async () => late({ url: callback({ error: 'access_denied', ...(await stateOf()) }) }),
  },
  {
    what: 'an error comes without a state',
    ...REFUSED,
    reach: async () => callback({ error: ATTACK }),
  },
  {
    what: 'an error comes with an unknown state',
    ...NOT_STARTED,
    reach: async () => callback({ error: 'access_denied', state: 'made-up-state' }),
  },
  {
    what: 'an error comes after the install was finished',
    ...FINISHED,
    reach: async () => {
      const url = await ownCallback();
      expect((await open(url)).status).toBe(200);
      return callback({ error: 'access_denied', state: queryOf(url, 'state') });
    },
  },
  {
    what: 'the user declines after the sign-in',
    status: 403,
    code: 'access_denied',
    heading: 'The install was declined',
    reach: async () => changed(await finalize(), { code: undefined, error: 'access_denied' }),
  },
  {
    what: 'HubSpot ends it with an unknown error after the sign-in',
    ...REFUSED,
    reach: async () => changed(await finalize(), { code: undefined, step: undefined, error: 'server_error' }),
  },
  {
    what: 'the user declines after the sign-in, having approved before',
    ...FINISHED,
    reach: async () => {
      const approved = await finalize();
      expect((await take(approved)).status).toBe(302);
      return changed(approved, { code: undefined, error: 'access_denied' });
    },
  },
  {
    what: 'a code comes with neither state nor returnUrl',
    ...UNASKED,
    reach: async () => withQuery(await ownCallback(), { state: undefined }),
  },
  {
    what: 'a code of the marketplace comes without its returnUrl',
    ...UNASKED,
    reach: async () => withQuery(await marketplaceCallback(), { returnUrl: undefined }),
  },
  {
    what: 'the state comes twice in one address',
    ...UNASKED,
    reach: async () => `${await ownCallback()}&state=made-up-state`,
  },
  {
    what: 'the code comes twice in one address',
    ...INCOMPLETE,
    reach: async () => `${await ownCallback()}&code=made-up-code`,
  },
  { what: 'there is no code', ...INCOMPLETE, reach: async () => callback(await stateOf()) },
  {
    what: 'the code is empty',
    ...INCOMPLETE,
    reach: async () => callback({ code: '', ...(await stateOf()) }),
  },
  {
    what: 'there is only the return address',
    ...INCOMPLETE,
    reach: async () => callback({ returnUrl: 'https://app.hubspot.com/' }),
  },
  {
    what: 'the address has other parameters only',
    ...INCOMPLETE,
    reach: async () => callback({ utm_source: ATTACK }),
  },
  {
    what: 'the state is made up',
    ...NOT_STARTED,
    reach: async () => withQuery(await ownCallback(), { state: ATTACK }),
  },
  {
    what: 'the state is of the partner flow',
    ...NOT_STARTED,
    reach: async () => changed(await finalize(), { step: undefined, returnUrl: undefined }),
  },
  {
    what: 'it took more than ten minutes',
    ...TOO_LATE,
    reach: async () => late({ url: await ownCallback() }),
  },
  {
    what: 'the callback is opened a second time',
    ...FINISHED,
    reach: async () => {
      const url = await ownCallback();
      expect((await open(url)).status).toBe(200);
      return url;
    },
  },
  {
    what: 'the code was used before',
    ...BAD_CODE,
    reach: async () => {
      const used = await ownCallback();
      expect((await open(used)).status).toBe(200);
      return withQuery(await ownCallback(), { code: queryOf(used, 'code') });
    },
  },
  {
    what: 'the code is unknown',
    ...BAD_CODE,
    reach: async () => withQuery(await ownCallback(), { code: `made-up-code-${ATTACK}` }),
  },
  {
    what: 'the code came too late',
    ...BAD_CODE,
    reach: async () => {
      const url = await ownCallback();
      await app.world.sandbox.control('clock', { advanceSeconds: 301 });
      return url;
    },
  },
  {
    what: 'a code of the marketplace is used twice',
    ...BAD_CODE,
    reach: async () => {
      const url = await marketplaceCallback();
      expect((await open(url)).status).toBe(302);
      return url;
    },
  },
  {
    what: 'our own flow comes with a foreign return address',
    ...BAD_RETURN_URL,
    reach: async () => withQuery(await ownCallback(), { returnUrl: ELSEWHERE }),
  },
  {
    what: 'the marketplace comes with a foreign return address',
    ...BAD_RETURN_URL,
    reach: async () => withQuery(await marketplaceCallback(), { returnUrl: ELSEWHERE }),
  },
  {
    what: 'the sign-in is asked for with a foreign return address',
    ...BAD_RETURN_URL,
    reach: async () => callback({ step: 'authorize', returnUrl: ELSEWHERE }),
  },
  {
    what: 'the sign-in is asked for without a return address',
    ...INCOMPLETE,
    reach: async () => callback({ step: 'authorize' }),
  },
  {
    what: 'the step is unknown',
    ...INCOMPLETE,
    reach: async () => changed(await finalize(), { step: 'dance' }),
  },
  ...['code', 'state', 'returnUrl'].map((name) => ({
    what: `the last step comes without its ${name}`,
    ...INCOMPLETE,
    reach: async () => changed(await finalize(), { [name]: undefined }),
  })),
  {
    what: 'the last step comes with a foreign return address',
    ...BAD_RETURN_URL,
    reach: async () => changed(await finalize(), { returnUrl: ELSEWHERE }),
  },
  {
    what: 'the last step comes with a state of our own flow',
    ...NOT_STARTED,
    reach: async () => changed(await finalize(), await stateOf()),
  },
  {
    what: 'the last step comes in a browser without the cookie',
    ...NOT_STARTED,
    reach: async () => (await finalize()).url,
  },
  {
    what: 'the last step comes in the browser of somebody else',
    ...NOT_STARTED,
    reach: async () => {
      const { cookie } = await signInPage();
      return { url: (await finalize()).url, cookie };
    },
  },
  {
    what: 'the last step comes with an unknown cookie',
    ...NOT_STARTED,
    reach: async () => ({
      ...(await finalize()),
      cookie: 'partner_flow=x; other=1;;=',
    }),
  },
  {
    what: 'the last step comes after more than ten minutes',
    ...TOO_LATE,
    reach: async () => late(await finalize()),
  },
  {
    what: 'the last step comes twice',
    ...FINISHED,
    reach: async () => {
      const step = await finalize();
      expect((await take(step)).status).toBe(302);
      return step;
    },
  },
  {
    what: 'the last step comes with a code that is unknown',
    ...BAD_CODE,
    reach: async () => changed(await finalize(), { code: 'made-up-code' }),
  },
  {
    what: 'the sign-in form comes without the cookie',
    ...NOT_STARTED,
    reach: async () => signIn({ ...(await signInPage()), cookie: '' }),
  },
  {
    what: 'the sign-in form is forged',
    ...NOT_STARTED,
    reach: async () => signIn(await signInPage(), { token: 'x'.repeat(43) }),
  },
  {
    what: 'the sign-in form is of another browser',
    ...NOT_STARTED,
    reach: async () => signIn(await signInPage(), { token: (await signInPage()).token }),
  },
  {
    what: 'the sign-in form has a foreign return address',
    ...BAD_RETURN_URL,
    reach: async () => signIn(await signInPage(), { returnUrl: ELSEWHERE }),
  },
];

describeFailures(failures, app);
