import type { Cases } from '../world.ts';

export const accessTokenCases: Cases = {
  'describes the token of a private app': async ({ services, privateAppToken }) => {
    const info = await services.accessTokens.describe(await privateAppToken());
    if (!info?.scopes) throw new Error('HubSpot did not say what the token may do.');
  },

  'does not know a token that nobody issued': async ({ services }) => {
    const info = await services.accessTokens.describe('no-such-token');
    if (info) throw new Error(`HubSpot says that it is of portal ${info.portalId}.`);
  },
};
