import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from '@jest/globals';
import { createDatabase } from '../helpers/database.ts';
import { freePort } from '../helpers/processes.ts';
import { copyProduct } from '../helpers/product-copy.ts';
import { PROGRAM_ENV } from '../helpers/program-env.ts';
import { until } from '../helpers/until.ts';

/** Right at run time, and wrong for the compiler. */
const JOB = `import { defineJob } from '#app';

export const odd = defineJob({ name: 'odd', async run(_, { log }) { log.inform('ran'); } });
`;

it('npm start prints type errors of integration/ with file and line, and starts anyway', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'hubspot-app-types-'));
  const database = await createDatabase();
  await copyProduct(folder);
  await writeFile(path.join(folder, 'integration', 'jobs', 'odd.ts'), JOB);
  const [port, sandboxPort] = [await freePort(), await freePort()];
  const child = spawn(process.execPath, [path.join(folder, 'scripts', 'start.ts')], {
    cwd: folder,
    env: {
      ...PROGRAM_ENV,
      DATABASE_URL: database.url,
      PORT: String(port),
      SANDBOX_PORT: String(sandboxPort),
    },
  });
  try {
    let errors = '';
    child.stderr.on('data', (chunk) => (errors += chunk));
    child.stdout.resume();
    await until('the type error', () => errors.includes('\n\n', 1) || child.exitCode !== null);
    expect(errors.trim()).toMatch(
      /^integration: one type error\. .*\n {2}integration\/jobs\/odd\.ts:3: Property 'inform' does not exist on type /,
    );
    expect((await fetch(`http://localhost:${port}/readyz`)).status).toBe(200);
  } finally {
    if (child.exitCode === null) {
      child.kill('SIGINT');
      await once(child, 'close');
    }
    await rm(folder, { recursive: true });
    await database.drop();
  }
});
