import { randomUUID } from 'node:crypto';
import type { AppSettingsStore } from './app-settings.ts';
import type { Portal } from './portals.ts';
import type { Tokens } from './tokens.ts';

/**
 * An install that started at HubSpot.
 * https://developers.hubspot.com/docs/apps/developer-platform/list-apps/understand-app-install-flow
 */
export interface MarketplaceInstall {
  id: string;
  portal: Portal;
  /** The person signs in to the app before the consent page. */
  partnerSignIn: boolean;
  /** Without interaction: for tests, which have no browser. */
  approvesItself: boolean;
  /** The URL to which the app must finally redirect the browser. It has a query, as HubSpot's may have. */
  returnUrl: string;
  /** The token that the app added to `returnUrl` after its sign-in. */
  state?: string;
  consented: boolean;
  /** The app has exchanged the code. */
  exchanged: boolean;
}

export type Marketplace = ReturnType<typeof createMarketplace>;

export function createMarketplace(settings: AppSettingsStore, tokens: Tokens) {
  const installs = new Map<string, MarketplaceInstall>();

  function callbackUrl(values: Record<string, string>): string {
    const url = new URL(settings.get().redirectUrls[0] ?? settings.get().serverUrl);
    for (const [name, value] of Object.entries(values)) url.searchParams.set(name, value);
    return url.href;
  }

  return {
    /** @param origin the sandbox's origin, as seen by the browser */
    begin(
      portal: Portal,
      origin: string,
      { partnerSignIn = false, approvesItself = false },
    ): MarketplaceInstall {
      const id = randomUUID();
      const returnUrl = `${origin}/marketplace/return/${id}?portalId=${portal.portalId}`;
      const install: MarketplaceInstall = {
        id,
        portal,
        partnerSignIn,
        approvesItself,
        returnUrl,
        consented: false,
        exchanged: false,
      };
      installs.set(id, install);
      return install;
    },

    find: (id: string) => installs.get(id),

    /** The app's URL where the user signs in to the app. */
    signInUrl: ({ returnUrl }: MarketplaceInstall) => callbackUrl({ step: 'authorize', returnUrl }),

    /** The user consents: issues a code and returns the app's callback URL with it. */
    approve(install: MarketplaceInstall): string {
      const { requiredScopes, optionalScopes, redirectUrls } = settings.get();
      const { portal, returnUrl, state } = install;
      const grant = {
        portalId: portal.portalId,
        userId: portal.user.id,
        scopes: [...requiredScopes, ...optionalScopes],
      };
      install.consented = true;
      const code = tokens.issueCode(grant, redirectUrls[0] ?? '', () => {
        install.exchanged = true;
      });
      if (!install.partnerSignIn) return callbackUrl({ code, returnUrl });
      return callbackUrl({ step: 'finalize', code, state: state ?? '', returnUrl });
    },

    /** The app's redirect URL without parameters, as the Install button of one vendor. */
    bareUrl: () => callbackUrl({}),

    reset() {
      installs.clear();
    },
  };
}
