import { createHmac } from 'node:crypto';
import type { SandboxContext } from '../context.ts';
import type { AccessToken } from '../state/tokens.ts';

/** The introspection response for a token: SPEC `TokenInfoResponseBaseIF`, or `{active: false}`. */
export function introspect(ctx: SandboxContext, token: string): Record<string, unknown> {
  const access = ctx.tokens.findAccessToken(token);
  const grant = access ?? ctx.tokens.findRefreshToken(token);
  if (!grant || (access && access.expiresAt <= ctx.clock.now())) return { active: false };

  const { clientId, appId } = ctx.settings.get();
  const portal = ctx.portals.find(grant.portalId);
  const shared = {
    active: true,
    token,
    token_type: 'bearer',
    client_id: clientId,
    app_id: appId,
    hub_id: grant.portalId,
    user_id: grant.userId,
    user: portal?.user.email,
    hub_domain: portal?.domain,
    scopes: grant.scopes,
  };
  if (!access) return { ...shared, token_use: 'refresh_token' };
  return {
    ...shared,
    token_use: 'access_token',
    expires_in: Math.floor((access.expiresAt - ctx.clock.now()) / 1000),
    is_private_distribution: false,
    signed_access_token: signedAccessToken(access, appId),
  };
}

/** HubSpot's internal token. Apps do not need it, but the API description requires its fields. */
function signedAccessToken({ token, expiresAt, scopes, portalId, userId }: AccessToken, appId: number) {
  const signature = createHmac('sha256', 'sandbox').update(token).digest('base64url');
  return {
    expiresAt,
    scopes: Buffer.from(scopes.join(' ')).toString('base64url'),
    hubId: portalId,
    userId,
    appId,
    appInstallId: `${appId}-${portalId}`,
    audience: 'sandbox',
    installingUserId: userId,
    signature,
    newSignature: signature,
    hublet: 'na1',
    isUserLevel: false,
    isPrivateDistribution: false,
    isServiceAccount: false,
    trialScopes: '',
    scopeToScopeGroupPks: '',
    trialScopeToScopeGroupPks: '',
  };
}
