import { defineConfig } from 'vitest/config';
import { FILES_AT_ONCE } from './test/e2e/files-at-once.ts';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            '{protos,docs,helm,services,sdk,operator,cli,image}/**/*.test.ts',
            'test/architecture/**/*.test.ts',
          ],
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/{integration,interop,harness,helm}/**/*.test.ts', 'test/cluster/**/*.test.ts'],
          globalSetup: 'test/harness/global-setup.ts',
          setupFiles: 'test/harness/keep-logs.setup.ts',
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          globalSetup: 'test/harness/global-setup.ts',
          setupFiles: 'test/harness/keep-logs.setup.ts',
          testTimeout: 300_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          setupFiles: 'test/e2e/keep-logs.setup.ts',
          testTimeout: 300_000,
          hookTimeout: 300_000,
          maxWorkers: FILES_AT_ONCE,
        },
      },
    ],
  },
});
