import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { FILES_AT_ONCE } from './test/e2e/files-at-once.ts';

/** What needs more than etcd and kube-apiserver: Helm, kubectl, promtool, cyclonus, or Go itself. */
const CHART_STEP = ['test/helm/**/*.test.ts', 'test/harness/kubectl.test.ts', 'test/cluster/build.test.ts'];

/** Most tests wait for real parts more than they compute, so two files at a time also pay off on two cores. */
const WORKERS = Math.max(2, availableParallelism() - 1);

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          maxWorkers: WORKERS,
          include: [
            '{protos,docs,helm,services,sdk,operator,cli,image}/**/*.test.ts',
            'test/architecture/**/*.test.ts',
          ],
          globalSetup: 'test/harness/file-times.ts',
          // Properties and quadratic inputs compute for a second or two; on a busy machine that is ten.
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'integration',
          maxWorkers: WORKERS,
          include: ['test/{integration,interop,harness,cluster,conformance}/**/*.test.ts'],
          exclude: CHART_STEP,
          globalSetup: ['test/harness/file-times.ts', 'test/harness/global-setup.ts'],
          setupFiles: 'test/harness/keep-logs.setup.ts',
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'chart',
          maxWorkers: WORKERS,
          include: CHART_STEP,
          globalSetup: ['test/harness/file-times.ts', 'test/harness/chart-setup.ts'],
          setupFiles: 'test/harness/keep-logs.setup.ts',
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'database',
          maxWorkers: 2,
          include: ['test/database/**/*.test.ts'],
          globalSetup: ['test/harness/file-times.ts', 'test/harness/database-setup.ts'],
          setupFiles: 'test/harness/keep-logs.setup.ts',
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          globalSetup: ['test/harness/file-times.ts', 'test/harness/global-setup.ts'],
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
          globalSetup: 'test/harness/file-times.ts',
          setupFiles: 'test/e2e/keep-logs.setup.ts',
          testTimeout: 300_000,
          hookTimeout: 300_000,
          maxWorkers: FILES_AT_ONCE,
        },
      },
    ],
  },
});
