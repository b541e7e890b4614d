import { registerHooks } from 'node:module';

/** Folder of the integration that is to be used; the tests' own by default. */
const FOLDER = process.env.TEST_INTEGRATION ?? 'vendor';

/** What stands in the place of a vendor's integration while a program of the app's is tested. */
const INTEGRATION = new URL('../../integration/index.ts', import.meta.url).href;
const FIXTURE = new URL(`../fixtures/${FOLDER}/integration.ts`, import.meta.url).href;

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    return { ...resolved, url: resolved.url === INTEGRATION ? FIXTURE : resolved.url };
  },
});
