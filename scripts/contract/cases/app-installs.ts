import { type Cases, refused } from '../world.ts';

export const appInstallCases: Cases = {
  'uninstalls the app, after which its token is worth nothing': async ({ services }) => {
    await services.appInstalls.uninstall();
    await refused(401, services.appInstalls.uninstall());
  },
};
