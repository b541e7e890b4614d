import { registerHooks } from 'node:module';

/** Folder of the registries that are to be used; the tests' own, if none is named. */
const FOLDER = process.env.TEST_REGISTRIES ?? 'vendor';

/** A vendor's registries, and what stands in their place while a program of the app's is tested. */
const FIXTURES = new Map(
  ['webhooks', 'cards'].map((name) => [
    new URL(`../../app/${name}/index.ts`, import.meta.url).href,
    new URL(`../fixtures/${FOLDER}/${name}.ts`, import.meta.url).href,
  ]),
);

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    return { ...resolved, url: FIXTURES.get(resolved.url) ?? resolved.url };
  },
});
