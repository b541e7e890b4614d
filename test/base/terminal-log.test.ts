import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, it } from '@jest/globals';

const PROGRAM = `
  import { createLogger } from ${JSON.stringify(path.join(import.meta.dirname, '..', '..', 'app', 'base', 'logger.ts'))};
  const logger = createLogger('info', 'web');
  logger.info('the first line');
  logger.info('the second line');
`;

it('logs one readable line per entry to a terminal', () => {
  const command = `'${process.execPath}' --input-type=module -e "$PROGRAM"`;
  const { stdout } = spawnSync('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    env: { PATH: process.env.PATH, PROGRAM },
    encoding: 'utf8',
  });
  const lines = stdout.split('\n').filter((line) => line.includes('web: '));
  expect(lines).toHaveLength(2);
  expect(lines[0]).toContain('the first line');
  expect(lines[1]).toContain('the second line');
  expect(stdout).not.toContain('"msg"');
});
