import { type ApiPaths, apiPaths } from '../../app/hubspot/versions.ts';
import type { Area } from './areas.ts';
import type { Description } from './description.ts';
import { methodNames, watched } from './methods.ts';
import type { Exchange } from './recording-proxy.ts';
import { scopeDifferences } from './scopes.ts';
import { inWorld, type Services } from './world.ts';

export interface AreaReport {
  /** The operations of each description that the cases used. */
  readonly used: ReadonlyMap<Description, ReadonlySet<string>>;
  /** The differences between exchanges and descriptions, without duplicates. */
  readonly differences: readonly string[];
  /** Problems with the cases: a method that none calls, a case that failed. */
  readonly problems: readonly string[];
}

/** Runs an area's cases and validates their exchanges with the descriptions. */
export async function checkArea(
  name: keyof Services,
  { cases }: Area,
  descriptions: readonly Description[],
  paths: ApiPaths = apiPaths,
): Promise<AreaReport> {
  const problems: string[] = [];
  let methods: string[] = [];
  const driven = new Set<string>();

  const exchanges = await inWorld(async (world) => {
    methods = methodNames(world.services[name]);
    const services = {
      ...world.services,
      [name]: watched(world.services[name], (method) => driven.add(method)),
    };
    for (const [title, run] of Object.entries(cases)) {
      try {
        await run({ ...world, services });
      } catch (error) {
        problems.push(`${name}: "${title}" failed: ${error instanceof Error ? error.message : error}`);
      }
    }
  }, paths);

  const undriven = methods.filter((method) => !driven.has(method));
  problems.push(...undriven.map((method) => `${name}: no case calls ${method || name}()`));
  return { ...compare(name, exchanges, descriptions), problems };
}

/** Validates exchanges with descriptions; an exchange belongs to the first one with its path. */
export function compare(name: string, exchanges: readonly Exchange[], descriptions: readonly Description[]) {
  const used = new Map(descriptions.map((description) => [description, new Set<string>()]));
  const differences = new Set<string>();
  for (const exchange of exchanges) {
    const description = descriptions.find((known) => known.operationOf(exchange));
    const operation = description?.operationOf(exchange);
    if (!description || !operation) {
      differences.add(`${name}: ${exchange.method} ${exchange.path} is not described`);
      continue;
    }
    used.get(description)?.add(operation);
    const scopes = scopeDifferences(name, exchange, description.scopesOf(operation));
    for (const difference of [...description.differences(operation, exchange), ...scopes]) {
      differences.add(`${description.name}: ${operation} → ${exchange.status}: ${difference}`);
    }
  }
  return { used, differences: [...differences] };
}
