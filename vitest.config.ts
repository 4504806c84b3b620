import { defineConfig } from 'vitest/config';
import { FILES_AT_ONCE } from './test/e2e/files-at-once.ts';

/** What needs more than etcd and kube-apiserver: Helm, kubectl, promtool, cyclonus, or Go itself. */
const CHART_STEP = ['test/helm/**/*.test.ts', 'test/harness/kubectl.test.ts', 'test/cluster/build.test.ts'];

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
          globalSetup: 'test/harness/file-times.ts',
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/{integration,interop,harness,cluster}/**/*.test.ts'],
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
          include: CHART_STEP,
          globalSetup: ['test/harness/file-times.ts', 'test/harness/chart-setup.ts'],
          setupFiles: 'test/harness/keep-logs.setup.ts',
          testTimeout: 60_000,
          hookTimeout: 120_000,
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
