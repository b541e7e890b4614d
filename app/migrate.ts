import { reasonOf } from './base/reason-of.ts';
import { ConfigError, loadDatabaseSettings, readEnvironment } from './config.ts';
import { migrate } from './db/migrate.ts';

/** `npm run migrate`, and the release phase of a deployment. */
try {
  const done = await migrate(loadDatabaseSettings(readEnvironment()));
  console.log(done.length > 0 ? `Migrated: ${done.join(', ')}` : 'The database is up to date.');
} catch (error) {
  console.error(
    error instanceof ConfigError
      ? error.message
      : `The migration failed and was rolled back: ${reasonOf(error)}`,
  );
  process.exitCode = 1;
}
