import type { ApiKeyService } from '../api-keys/index.ts';

/**
 * The sign-in of the partner flow: before the install, HubSpot's marketplace sends a customer here to sign in to your
 * product. Replace {@link createPartnerSignIn} with your own sign-in; its form is `views/sign-in.hbs`.
 */
export interface PartnerSignIn {
  /** @returns the user's name in your product; undefined when the sign-in fails. */
  authenticate(form: Readonly<Record<string, string>>): Promise<string | undefined>;
}

/** Accepts any name with an API key of this server that is not limited to one portal. */
export function createPartnerSignIn(apiKeys: Pick<ApiKeyService, 'accept'>): PartnerSignIn {
  return {
    async authenticate({ user = '', key = '' }) {
      const name = user.trim();
      const accepted = await apiKeys.accept(key);
      return name && accepted && accepted.portalId === null ? name : undefined;
    },
  };
}
