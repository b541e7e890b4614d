import type { ApiKeyService } from '../api-keys/service.ts';

/**
 * The sign-in of the partner flow: HubSpot's marketplace sends a customer here to say who they are in your product
 * before the install. Put your own sign-in in place of {@link createPartnerSignIn}; its form is `views/sign-in.hbs`.
 */
export interface PartnerSignIn {
  /** @returns the user's name in your product, or undefined when the form does not prove it. */
  authenticate(form: Readonly<Record<string, string>>): Promise<string | undefined>;
}

/** Knows no users: lets in whoever holds an API key of this server, under the name they give. */
export function createPartnerSignIn(apiKeys: ApiKeyService): PartnerSignIn {
  return {
    async authenticate({ user = '', key = '' }) {
      const name = user.trim();
      const accepted = await apiKeys.accept(key);
      return name && accepted && accepted.portalId === null ? name : undefined;
    },
  };
}
