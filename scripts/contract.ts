import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { type ApiPaths, apiPaths, apiPathsOf, apiVersions } from '../app/hubspot/versions.ts';
import { findApis } from './contract/apis.ts';
import { type Area, areas, describedVersions } from './contract/areas.ts';
import { checkArea } from './contract/check-area.ts';
import { readDescription } from './contract/description.ts';
import { exceptions, withoutExceptions } from './contract/exceptions.ts';
import { inWorld, type Services } from './contract/world.ts';

/**
 * `npm run contract -- <folder>`: calls every method of the services in `app/hubspot/` against the sandbox and
 * validates each request and response with HubSpot's OpenAPI descriptions in that folder.
 */
const [folder] = process.argv.slice(2);
if (!folder) {
  console.error(
    'Usage: npm run contract -- <folder of HubSpot’s OpenAPI descriptions, <area>.<version>.json>',
  );
  process.exit(2);
}

const problems: string[] = [];
const differences: string[] = [];

for (const name of await serviceNames()) {
  const area = areas[name];
  if (!area) {
    problems.push(`${name}: not in scripts/contract/areas.ts, so nothing checks it`);
    continue;
  }
  for (const { files, version } of describedVersions(area)) {
    await check(name, area, files, version === undefined ? apiPaths : pathsIn(version));
  }
}

const listed = new Set(Object.values(areas).map(({ api }) => api));
for (const [name, api] of await findApis()) {
  if (!listed.has(api)) problems.push(`${name}(): not in scripts/contract/areas.ts, so nothing checks it`);
}
const { unlisted, outdated } = withoutExceptions(differences, exceptions);
problems.push(...unlisted);
problems.push(...outdated.map((text) => `exceptions.ts: this no longer occurs, delete it: ${text}`));

for (const problem of problems) console.error(`  ${problem}`);
const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
console.log(problems.length === 0 ? 'The contract is kept.' : `The contract is not kept: ${count}.`);
process.exitCode = problems.length === 0 ? 0 : 1;

async function check(
  name: keyof Services,
  area: Area,
  files: readonly string[],
  paths: ApiPaths,
): Promise<void> {
  const report = await checkArea(name, area, await Promise.all(files.map(describe)), paths);
  problems.push(...report.problems);
  differences.push(...report.differences);
  for (const [{ name, operations }, used] of report.used) {
    const own = report.differences.filter((difference) => difference.startsWith(`${name}:`));
    console.log(`${name}: ${used.size} of ${operations.length} operations used, ${verdict(own)}`);
  }
}

/** Every area in this version; v3 and v4 belong together. */
function pathsIn(version: string): ApiPaths {
  const generation = version.replace(/^v\d$/, 'v');
  const wanted = Object.entries(apiVersions).map(([area, versions]) => [
    area,
    versions.find((it) => it.version.startsWith(generation))?.version,
  ]);
  return apiPathsOf(Object.fromEntries(wanted));
}

function verdict(differences: readonly string[]): string {
  if (differences.length === 0) return 'all conform';
  const unknown = withoutExceptions(differences, exceptions).unlisted.length;
  const known = differences.length - unknown;
  return unknown === 0 ? `all conform but for ${known} known differences` : `${unknown} DIFFERENCES`;
}

async function serviceNames(): Promise<(keyof Services)[]> {
  let names: string[] = [];
  await inWorld(async ({ services }) => {
    names = Object.keys(services);
  });
  return names as (keyof Services)[];
}

async function describe(file: string) {
  const at = path.join(folder ?? '', `${file}.json`);
  const text = await readFile(at, 'utf8').catch(() => {
    console.error(
      `There is no ${at}. The folder must hold HubSpot’s OpenAPI descriptions, <area>.<version>.json.`,
    );
    process.exit(2);
  });
  return readDescription(file.replace('.', ' '), text);
}
