import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { freePort } from '../helpers/processes.ts';
import { copyProduct } from '../helpers/product-copy.ts';
import { PROGRAM_ENV } from '../helpers/program-env.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'hubspot-app-integration-'));
  await copyProduct(folder);
});
afterEach(() => rm(folder, { recursive: true }));

/** What `npm start` prints as errors with this definition, before it starts anything. */
async function errorsWith(definition: string): Promise<string> {
  await writeFile(path.join(folder, 'integration', 'index.ts'), definition);
  const [port, sandboxPort] = [await freePort(), await freePort()];
  const { status, stderr } = spawnSync(process.execPath, [path.join(folder, 'scripts', 'start.ts')], {
    cwd: folder,
    env: { ...PROGRAM_ENV, PORT: String(port), SANDBOX_PORT: String(sandboxPort) },
    encoding: 'utf8',
  });
  expect(status).toBe(1);
  return stderr.trim();
}

it('npm start names the file whose import ends in .js', async () => {
  const definition = "export { default } from './handlers/contact-changed.js';\n";
  expect(await errorsWith(definition)).toBe(
    'integration/index.ts imports contact-changed.js, which does not exist: ' +
      'imports end in .ts here, so write contact-changed.ts.',
  );
});

it('npm start prints each problem of the definition once', async () => {
  const definition = `import { defineIntegration } from '#app';
import { contactChanged } from './handlers/contact-changed.ts';
export default defineIntegration({ name: 'Twice', scopes: [], handlers: [contactChanged, contactChanged] });
`;
  const errors = await errorsWith(definition);
  expect(errors.split('\n')).toEqual([
    'The integration cannot be used:',
    expect.stringContaining('are all called contact-changed; each needs a name of its own.'),
  ]);
});
