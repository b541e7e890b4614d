import { apiScopes } from '../../app/hubspot/scopes.ts';
import type { Exchange } from './recording-proxy.ts';

/**
 * The scopes that our table lacks for an operation; empty if none.
 * @param alternatives HubSpot's requirement: all scopes of one of these lists.
 */
export function scopeDifferences(
  area: string,
  exchange: Exchange,
  alternatives: readonly (readonly string[])[],
): string[] {
  const stated = statedScopes(area, exchange);
  if (!stated || alternatives.length === 0) return [];
  if (alternatives.some((all) => all.every((scope) => stated.includes(scope)))) return [];
  return [`scopes.ts states ${stated.join(' ')} and not all of ${alternatives[0]?.join(' ')}`];
}

/** Undefined for operations without a portal's token. */
function statedScopes(area: string, { method, path }: Exchange): readonly string[] | undefined {
  const access = method === 'GET' || /\/(search|batch\/read)$/.test(path) ? 'read' : 'write';
  const [, named] = /\/(contacts|companies|tickets|deals|0-3)(?=\/|$)/.exec(path) ?? [];
  const type = named === '0-3' ? 'deals' : named;
  if (path.includes('/pipelines/')) return apiScopes.pipelines(type === 'tickets' ? type : 'deals')[access];
  if (area === 'associations') return apiScopes.associations((type as 'contacts') ?? 'contacts')[access];
  if (!Object.hasOwn(apiScopes, area)) return undefined;
  const stated = apiScopes[area as keyof typeof apiScopes];
  // Records of any type are validated with the description of one.
  return typeof stated === 'function' ? undefined : stated[access];
}
