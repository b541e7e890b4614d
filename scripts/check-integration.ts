import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { checkIntegration, IntegrationError } from '../app/integration-check.ts';

const ROOT = path.join(import.meta.dirname, '..');

/**
 * Checks `integration/` before any process starts, because each process would print the same problems.
 * @returns the problems, or undefined.
 */
export async function integrationProblem(): Promise<string | undefined> {
  try {
    const { default: integration } = await import('../integration/index.ts');
    await checkIntegration(integration);
    return undefined;
  } catch (error) {
    if (error instanceof IntegrationError) return error.message;
    return wrongExtension(error) ?? `integration/ cannot be loaded: ${inspect(error)}`;
  }
}

/** TypeScript accepts and suggests imports that end in `.js`; Node, which runs the sources, does not find them. */
function wrongExtension(error: unknown): string | undefined {
  const { code, url, message } = error as NodeJS.ErrnoException & { url?: string };
  if (code !== 'ERR_MODULE_NOT_FOUND' || !url?.startsWith('file:')) return undefined;
  const missing = fileURLToPath(url);
  const meant = `${missing.replace(/\.[cm]?js$/, '')}.ts`;
  if (!existsSync(meant)) return undefined;
  const importer = / imported from (?<file>.+)$/.exec(message)?.groups?.file ?? 'integration/index.ts';
  return (
    `${path.relative(ROOT, importer)} imports ${path.basename(missing)}, which does not exist: ` +
    `imports end in .ts here, so write ${path.basename(meant)}.`
  );
}
