import base from './jest.config.js';

export default {
  ...base,
  roots: ['<rootDir>/test/slow'],
  testPathIgnorePatterns: [],
  testTimeout: 600_000,
  maxWorkers: 1,
};
