import { rm } from 'node:fs/promises';

export default async function tearDown() {
  if (!globalThis.testPostgres) return;
  await globalThis.testPostgres.stop();
  await rm(globalThis.testPostgres.folder, { recursive: true, force: true });
}
