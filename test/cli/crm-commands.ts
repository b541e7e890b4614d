import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import { crmCommands } from '../../app/cli/crm.ts';
import { type CrmWorld, startCrmWorld } from '../helpers/crm-world.ts';
import { runInProcess } from './in-process.ts';

/** The CRM commands in this process, on a world and a folder of the test file's own. */
export function useCrmCommands() {
  let world: CrmWorld;
  let folder: string;
  beforeAll(async () => {
    world = await startCrmWorld();
    folder = await mkdtemp(path.join(tmpdir(), 'crm-'));
  });
  afterAll(async () => {
    await world.close();
    await rm(folder, { recursive: true, force: true });
  });

  const run = (...args: string[]) => runInProcess(world.ctx, crmCommands, ...args);
  return {
    get world() {
      return world;
    },
    run,
    async json(...args: string[]) {
      const { output, problem } = await run(...args, '--json');
      if (problem) throw problem;
      return JSON.parse(output);
    },
    problem: async (...args: string[]) => (await run(...args)).problem?.message,
    async file(name: string, content: string | Uint8Array): Promise<string> {
      const at = path.join(folder, name);
      await writeFile(at, content);
      return at;
    },
  };
}
