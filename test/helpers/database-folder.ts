import { chmod, mkdtemp, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

const MEMORY = '/dev/shm';
const ROOM_BYTES = 2 ** 31;

/**
 * A new folder for a PostgreSQL server, in memory where there is room. Each test file creates and drops a database of
 * several hundred files, and ext4 is slow at creating files after others were deleted.
 */
export async function createDatabaseFolder(): Promise<string> {
  const parent = (await hasRoom(MEMORY)) ? MEMORY : tmpdir();
  const folder = await mkdtemp(path.join(parent, 'hubspot-app-test-'));
  // Where root runs the tests, PostgreSQL runs as another user, who has to get in.
  await chmod(folder, 0o755);
  return folder;
}

async function hasRoom(folder: string): Promise<boolean> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize >= ROOM_BYTES;
  } catch {
    return false;
  }
}
