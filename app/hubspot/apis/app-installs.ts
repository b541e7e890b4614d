import type { Send } from '../client/http.ts';
import { apiPaths } from '../versions.ts';

/** @see https://developers.hubspot.com/docs/api-reference/crm-app-uninstalls-v3/guide */
export function createAppInstallsApi(send: Send, paths = apiPaths) {
  return {
    /** Uninstalls the app from the portal whose token sends this; HubSpot notifies the account's admins by e-mail. */
    async uninstall(): Promise<void> {
      await send({ method: 'DELETE', path: `${paths.appUninstalls.path}/external-install` });
    },
  };
}
