import { tmpdir } from 'node:os';
import path from 'node:path';

/** The environment of programs that tests start. They share Node's compile cache, which halves their start-up time. */
export const PROGRAM_ENV = {
  PATH: process.env.PATH,
  NODE_COMPILE_CACHE: path.join(tmpdir(), 'hubspot-app-test-compiled'),
};
