import { tmpdir } from 'node:os';
import path from 'node:path';

/** What every program that tests start needs of the environment. They share what Node has compiled: half their start. */
export const PROGRAM_ENV = {
  PATH: process.env.PATH,
  NODE_COMPILE_CACHE: path.join(tmpdir(), 'hubspot-app-test-compiled'),
};
