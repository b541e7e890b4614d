import { type Cases, refused } from '../world.ts';

export const oauthCases: Cases = {
  'exchanges a code': async ({ services, code }) => services.oauth.exchangeCode(await code()),

  'is refused a code that nobody issued': ({ services }) =>
    refused(400, services.oauth.exchangeCode('no-such-code')),

  'refreshes an access token': ({ services, refreshToken }) => services.oauth.refresh(refreshToken),

  'is refused a refresh with a token that nobody issued': ({ services }) =>
    refused(400, services.oauth.refresh('no-such-token')),

  'asks about both kinds of token': async ({ services, accessToken, refreshToken }) => {
    await services.oauth.introspect(accessToken, 'access_token');
    await services.oauth.introspect(refreshToken, 'refresh_token');
  },

  'revokes a refresh token and asks about it': async ({ services, refreshToken }) => {
    await services.oauth.revoke(refreshToken);
    await services.oauth.isDead(refreshToken);
  },
};
