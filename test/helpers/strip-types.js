import { stripTypeScriptTypes } from 'node:module';

/** Jest transform: Node's own type stripping, so tests run the same text as production. */
export default {
  process: (source) => ({ code: stripTypeScriptTypes(source) }),
};
