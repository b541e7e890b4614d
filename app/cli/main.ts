import { Command, CommanderError } from 'commander';
import { AppError } from '../base/errors.ts';
import { createLogger } from '../base/logger.ts';
import { printable } from '../base/printable.ts';
import { reasonOf } from '../base/reason-of.ts';
import { ConfigError, loadConfig, loadPublicUrls, readCommandEnvironment } from '../config.ts';
import { createContext, createProjectSubscriptions, integration } from '../context.ts';
import { isDatabaseAway, isUnmigrated, UNMIGRATED } from '../db/errors.ts';
import { HubSpotError } from '../hubspot/client/errors.ts';
import { KeyRingError } from '../installs/index.ts';
import { IntegrationError } from '../integration-check.ts';
import { ProblemError } from './command.ts';
import { createConfirm } from './confirm.ts';
import { GROUPS } from './groups.ts';
import { createOutput } from './output.ts';
import { explainRefusal } from './refusal.ts';
import { refuseRepeatedOptions } from './repeated-options.ts';
import { createReadSecret } from './secret.ts';
import { explainUnconfirmed, isUnconfirmed, UNCONFIRMED_EXIT_CODE } from './unconfirmed.ts';
import { refuseUnknownWords } from './unknown-words.ts';

const program = new Command('npm run hubspot --')
  .description('Operates the HubSpot app (installs, keys, webhooks) and calls HubSpot’s APIs for a portal.')
  .option('--json', 'print JSON instead of tables')
  .option('--verbose', 'log to standard error')
  .addHelpText(
    'after',
    '\nExit codes: 0 done; 1 not done, or not all of it; 2 unconfirmed: HubSpot may have processed it, so check first.',
  )
  .showHelpAfterError('Add --help to see the usage.')
  .configureOutput({ writeErr: (text) => process.stderr.write(printable(text)) })
  .exitOverride();
refuseUnknownWords(program);

const output = () => createOutput(program.opts<{ json?: boolean }>().json ?? false);

for (const group of GROUPS) {
  group(program, {
    output,
    confirm: createConfirm({ input: process.stdin, output: process.stderr }),
    readSecret: createReadSecret({ input: process.stdin, output: process.stderr }),
    projectSubscriptions: () => createProjectSubscriptions(loadPublicUrls(readCommandEnvironment())),
    async withContext(work, { database = true } = {}) {
      const config = loadConfig(readCommandEnvironment(), integration);
      const level = program.opts<{ verbose?: boolean }>().verbose ? 'debug' : 'silent';
      const logger = createLogger(level, 'hubspot', process.stderr);
      const ctx = createContext(config, logger, { process: 'command' });
      try {
        await ctx.checkIntegration();
        if (database) await ctx.services.keys.check();
        return await work(ctx);
      } finally {
        await ctx.close();
      }
    },
  });
}

refuseRepeatedOptions(program);

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
  if (!(error instanceof CommanderError)) console.error(printable(explain(error)));
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode;
  return isUnconfirmed(error) ? UNCONFIRMED_EXIT_CODE : 1;
}

function explain(error: unknown): string {
  if (isUnconfirmed(error)) return explainUnconfirmed(error);
  if (error instanceof HubSpotError) return explainRefusal(error);
  if (error instanceof ConfigError) {
    const nothingSet = error.problems.includes('DATABASE_URL is not set');
    return (
      error.message +
      (nothingSet ? '\nOr run `npm start` in this folder, which brings its own database.' : '')
    );
  }
  const meant = [KeyRingError, IntegrationError, AppError, ProblemError].some(
    (kind) => error instanceof kind,
  );
  if (meant) return (error as Error).message;
  if (isDatabaseAway(error)) {
    return `The database does not answer: ${reasonOf(error)}. Check DATABASE_URL, or whether \`npm start\` is still running.`;
  }
  if (isUnmigrated(error)) return UNMIGRATED;
  return `The command failed: ${reasonOf(error)}`;
}
