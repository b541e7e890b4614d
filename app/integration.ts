import type { AnyCard } from './cards/index.ts';
import type { Scope } from './hubspot/published-scopes.ts';
import type { PartnerSignIn } from './installs/index.ts';
import type { AnyJob, ScheduledJob, TypedScheduledJob } from './jobs/index.ts';
import type { AppEvent } from './timeline/index.ts';
import type { AnyWebhookHandler } from './webhooks/index.ts';

/** What a vendor's `integration/` adds to this server. */
export interface Integration {
  /** Shown to who installs the app. */
  readonly name: string;
  /** What the app asks every account for. The HubSpot project must declare them, too. */
  readonly scopes: readonly Scope[];
  /** What it asks for where the account has it. */
  readonly optionalScopes: readonly Scope[];
  readonly handlers: readonly AnyWebhookHandler[];
  /** The first one also answers at `/crm-extension` itself. */
  readonly cards: readonly AnyCard[];
  /** The first one is sent by `PUT /hubid/:hubId/timeline/:email` unless the call names another. */
  readonly appEvents: readonly AppEvent[];
  readonly jobs: readonly AnyJob[];
  readonly schedule: readonly ScheduledJob[];
  /** How the partner flow knows your users; by default an API key of this server lets them in. */
  readonly partnerSignIn: PartnerSignIn | undefined;
}

type Given<Jobs extends readonly AnyJob[]> = Pick<Integration, 'name' | 'scopes'> &
  Partial<Omit<Integration, 'schedule'>> & {
    readonly schedule?: { readonly [Index in keyof Jobs]: TypedScheduledJob<Jobs[Index]> };
  };

/** Everything but `name` and `scopes` may be left out. */
export const defineIntegration = <const Jobs extends readonly AnyJob[] = readonly []>(
  integration: Given<Jobs>,
): Integration => {
  const given = integration as Pick<Integration, 'name' | 'scopes'> & Partial<Integration>;
  // In JavaScript a field may be given as undefined.
  return {
    ...given,
    scopes: given.scopes ?? [],
    optionalScopes: given.optionalScopes ?? [],
    handlers: given.handlers ?? [],
    cards: given.cards ?? [],
    appEvents: given.appEvents ?? [],
    jobs: given.jobs ?? [],
    schedule: given.schedule ?? [],
    partnerSignIn: given.partnerSignIn,
  };
};
