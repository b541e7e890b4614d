import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';

const ROOT = path.join(import.meta.dirname, '../..');
const docs = (await readdir(path.join(ROOT, 'docs'))).filter((name) => name.endsWith('.md'));
const files = [
  'README.md',
  'hubspot-project/README.md',
  'sandbox/README.md',
  ...docs.map((name) => `docs/${name}`),
];

const PATH = /`((?:app|bench|docs|hubspot-project|integration|sandbox|scripts|test)\/[\w./-]*)`/g;
const LINK = /\]\((?!https?:)([^)#\s]+)(?:#[^)]*)?\)/g;

const missing = (text: string, pattern: RegExp, folder: string) =>
  [...text.matchAll(pattern)]
    .map(([, name = '']) => name)
    .filter((name) => !existsSync(path.join(folder, name)));

describe.each(files)('%s', (file) => {
  const text = readFile(path.join(ROOT, file), 'utf8');

  it('mentions only paths that exist', async () => {
    expect(missing(await text, PATH, ROOT)).toEqual([]);
  });

  it('links only to files that exist', async () => {
    expect(missing(await text, LINK, path.dirname(path.join(ROOT, file)))).toEqual([]);
  });
});
