import { registerHooks } from 'node:module';

/** Folder of the integration; by default that of the tests. */
const FOLDER = process.env.TEST_INTEGRATION ?? 'vendor';

/** Replaces the vendor's integration while a program of the app is tested. */
const INTEGRATION = new URL('../../integration/index.ts', import.meta.url).href;
const FIXTURE = new URL(`../fixtures/${FOLDER}/integration.ts`, import.meta.url).href;

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    return { ...resolved, url: resolved.url === INTEGRATION ? FIXTURE : resolved.url };
  },
});
