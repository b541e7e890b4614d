import { execFileSync } from 'node:child_process';
import { appendFile } from 'node:fs/promises';
import path from 'node:path';
import { machine } from './measure.ts';

/** Each prints ratios against a yardstick that was taken in the same run. */
const BENCHES: Record<string, () => Promise<{ default: () => Promise<string[]> }>> = {
  refresh: () => import('./refresh.ts'),
  webhooks: () => import('./webhooks.ts'),
  handlers: () => import('./handlers.ts'),
  cards: () => import('./cards.ts'),
  client: () => import('./client.ts'),
  bodies: () => import('./bodies.ts'),
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  console.error(
    `There is no benchmark ${unknown.join(', ')}. There are: ${Object.keys(BENCHES).join(', ')}; without a name all run.`,
  );
  process.exit(1);
}

console.log(machine());
for (const name of asked.length > 0 ? asked : Object.keys(BENCHES)) {
  console.log(`\n${name}`);
  const bench = await BENCHES[name]?.();
  const lines = (await bench?.default()) ?? [];
  for (const line of lines) console.log(`  ${line}`);
  await record(name, lines);
}

/** Keeps the figures with the code and the machine that they were taken on. */
async function record(name: string, lines: readonly string[]) {
  const day = new Date().toISOString().slice(0, 10);
  const entry = [`## ${name}, ${day}, ${commit()}`, '', machine(), '', ...lines.map((line) => `- ${line}`)];
  await appendFile(path.join(import.meta.dirname, 'RESULTS.md'), `\n${entry.join('\n')}\n`);
}

function commit(): string {
  try {
    return `commit ${execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()}`;
  } catch {
    return 'no commit';
  }
}
