import type { ApiKeyService } from '../api-keys/index.ts';

/**
 * The sign-in of the partner flow: HubSpot's marketplace sends a customer here to say who they are in your product
 * before the install. Your own goes into `partnerSignIn` of `integration/index.ts`; its form into
 * `integration/views/sign-in.hbs`, in place of the built-in one.
 */
export interface PartnerSignIn {
  /**
   * @param form all fields of the sign-in form.
   * @returns the user's name in your product, or undefined when the form does not prove it.
   */
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
