import path from 'node:path';

export interface MigrationSource {
  readonly folder: string;
  /** Table of the migrations that have run. */
  readonly table: string;
  /** Before a migration's name in messages. */
  readonly prefix: string;
}

/** The vendor's migrations are numbered apart from ours and run after them. */
export const MIGRATION_SOURCES: readonly MigrationSource[] = [
  { folder: path.join(import.meta.dirname, 'migrations'), table: 'migrations', prefix: '' },
  {
    folder: path.join(import.meta.dirname, '..', '..', 'integration', 'migrations'),
    table: 'integration_migrations',
    prefix: 'integration/migrations/',
  },
];
