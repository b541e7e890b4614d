import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { createContactsApi } from '../../app/hubspot/apis/contacts.ts';
import { apiVersions } from '../../app/hubspot/versions.ts';
import { findApis } from '../../scripts/contract/apis.ts';
import { areas, describedVersions } from '../../scripts/contract/areas.ts';
import { checkArea } from '../../scripts/contract/check-area.ts';
import { readDescription } from '../../scripts/contract/description.ts';
import { withoutExceptions } from '../../scripts/contract/exceptions.ts';
import { PROGRAM_ENV } from '../helpers/program-env.ts';

const empty = readDescription('nothing 1', JSON.stringify({ paths: {} }));

describe('the contract check', () => {
  it('has a row for every API of app/hubspot', async () => {
    const listed = Object.values(areas).map(({ api }) => api);
    const missing = [...(await findApis())].filter(([, api]) => !listed.includes(api)).map(([name]) => name);
    expect(missing).toEqual([]);
  });

  it.each([
    ['oauth', 'oauth'],
    ['contacts', 'objects'],
    ['pipelines', 'pipelines'],
    ['associations', 'associations'],
    ['account', 'accountInfo'],
    ['webhookSettings', 'webhooks'],
    ['appInstalls', 'appUninstalls'],
  ] as const)('checks %s in every version', (name, area) => {
    const [used, ...others] = apiVersions[area].map(({ version }) => version);
    const { descriptions = [], others: checked = [] } = areas[name] ?? {};
    expect(descriptions.every((file) => file.endsWith(`.${used}`))).toBe(true);
    expect([...checked].sort()).toEqual(others.sort());
  });

  it('calls every method, and every case succeeds', async () => {
    for (const [name, area] of Object.entries(areas)) {
      const { problems } = await checkArea(name as keyof typeof areas, area, [empty]);
      expect(problems).toEqual([]);
    }
  });

  it('reports methods without a case, failed cases, and requests without a description', async () => {
    const report = await checkArea(
      'contacts',
      {
        api: createContactsApi,
        descriptions: [],
        cases: {
          'asks for nobody': ({ services }) => services.contacts.get('999999'),
        },
      },
      [empty],
    );
    expect(report.problems).toContain('contacts: no case calls getByEmail()');
    expect(report.problems).toContainEqual(
      expect.stringMatching(/^contacts: "asks for nobody" failed: HubSpot: /),
    );
    expect(report.differences).toEqual([
      expect.stringMatching(/^contacts: GET \/.*\/999999 is not described$/),
    ]);
  });

  it('omits the exceptions and reports unused ones', () => {
    const known = [
      { reason: 'because', differences: ['a: GET /x → 200: answer/*/b must be string', 'a: gone'] },
    ];
    const found = ['a: GET /x → 200: answer/0/b must be string', 'a: GET /x → 200: other'];
    expect(withoutExceptions(found, known)).toEqual({
      unlisted: ['a: GET /x → 200: other'],
      outdated: ['a: gone'],
    });
  });

  it('exits with 2 without a folder of descriptions', async () => {
    expect(await contract()).toMatchObject({ code: 2, errors: expect.stringContaining('Usage') });
    expect(await contract('/no/such/folder')).toMatchObject({
      code: 2,
      errors: expect.stringContaining('There is no'),
    });
  });

  it('exits with 1 when requests or responses differ from the descriptions', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'contract-'));
    const files = Object.values(areas)
      .flatMap(describedVersions)
      .flatMap(({ files }) => files);
    await Promise.all(files.map((file) => writeFile(path.join(folder, `${file}.json`), '{"paths": {}}')));
    const { code, output, errors } = await contract(folder);
    await rm(folder, { recursive: true });
    expect(code).toBe(1);
    expect(errors).toContain('oauth: POST /oauth/2026-03/token is not described');
    expect(output).toContain('oauth 2026-03: 0 of 0 operations used');
    expect(output.trimEnd().split('\n').at(-1)).toMatch(/^The contract is not kept: \d+ problems\.$/);
  });
});

async function contract(...args: string[]) {
  const script = path.join(import.meta.dirname, '..', '..', 'scripts', 'contract.ts');
  const child = spawn(process.execPath, [script, ...args], { env: { ...process.env, ...PROGRAM_ENV } });
  const [output, errors, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  return { code, output, errors };
}
