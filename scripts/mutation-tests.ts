import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import setUp from '../test/helpers/global-setup.ts';
import tearDown from '../test/helpers/global-teardown.ts';
import { AREAS, type Group } from '../test/mutation-areas.ts';

/** `npm run test:mutation <area> [part of a file's name]`: see docs/mutation-testing.md. */
const [area = '', part = ''] = process.argv.slice(2);
const groups = Object.hasOwn(AREAS, area) ? AREAS[area]?.filter(({ mutate }) => mutate.includes(part)) : [];
if (!groups?.length) {
  const words = Object.keys(AREAS).join(', ');
  console.error(
    `Usage: npm run test:mutation <area> [file]. Areas: ${words}. No group of this area has the file.`,
  );
  process.exit(2);
}

const ROOT = path.join(import.meta.dirname, '..');
let stopped = false;
let stopStryker = () => {};
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    stopped = true;
    stopStryker();
  });
}

const scores: Score[] = [];
await setUp();
try {
  for (const group of groups) {
    if (stopped) break;
    const report = path.join(ROOT, 'reports', 'mutation', `${group.mutate.replace(/\W+/g, '-')}.json`);
    const code = await runStryker(group, report);
    if (code === 0) scores.push(...scoresOf(report));
    else process.exitCode = 1;
  }
} finally {
  await tearDown();
}
console.table(Object.fromEntries(scores.map(({ file, ...score }) => [file, score])));

/** Its own process group, because Stryker's child processes do not end with it. */
async function runStryker({ mutate, tests }: Group, report: string): Promise<number> {
  console.log(`\n${mutate}, with ${tests.join(' ')}`);
  const stryker = spawn(path.join(ROOT, 'node_modules', '.bin', 'stryker'), ['run', 'stryker.config.js'], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
    env: {
      ...process.env,
      MUTATE: mutate,
      MUTATION_TESTS: tests.join(' '),
      MUTATION_REPORT: report,
      NODE_OPTIONS: '--experimental-vm-modules --disable-warning=ExperimentalWarning',
    },
  });
  stopStryker = () => {
    if (stryker.pid) process.kill(-stryker.pid, 'SIGKILL');
  };
  const [code] = await once(stryker, 'exit');
  stopStryker = () => {};
  return code ?? 1;
}

interface Score {
  readonly file: string;
  readonly killed: number;
  readonly survived: number;
  /** No test of the group covers the code. */
  readonly uncovered: number;
  readonly score: string;
}

function scoresOf(report: string): Score[] {
  const { files } = JSON.parse(readFileSync(report, 'utf8')) as {
    files: Record<string, { mutants: { status: string }[] }>;
  };
  return Object.entries(files).map(([file, { mutants }]) => {
    const count = (...statuses: string[]) => mutants.filter(({ status }) => statuses.includes(status)).length;
    const killed = count('Killed', 'Timeout');
    const survived = count('Survived');
    const uncovered = count('NoCoverage');
    const score = `${((100 * killed) / (killed + survived + uncovered || 1)).toFixed(1)} %`;
    return { file, killed, survived, uncovered, score };
  });
}
