import { defineConfig } from 'vitest/config'

const testTimeoutMs = 30_000
/** They take a second or two; with all cores busy with other things they take ten. */
const pureTestTimeoutMs = 30_000
const hookTimeoutMs = 60_000
/**
 * Each file may run a handful of processes of its own, and waits for them most of the time: with two
 * workers two cores were idle for nearly half of a run. Each worker may hold one system with links
 * (`linkedSystemsMax` in test-parts.ts).
 */
const integrationWorkers = 3

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            '{packages,services,infra}/*/src/**/*.test.ts',
            'infra/simulators/*.test.ts',
            'infra/simulators/*/src/**/*.test.ts',
            'load-tests/**/*.test.ts',
            'tools/{cli,docs}/**/*.test.ts',
          ],
          exclude: ['**/node_modules/**', '**/*.integration.test.ts'],
          testTimeout: pureTestTimeoutMs,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['{services,packages,infra,load-tests,tools}/**/test/**/*.integration.test.ts'],
          globalSetup: ['load-tests/harness/test-parts.ts'],
          testTimeout: testTimeoutMs,
          hookTimeout: hookTimeoutMs,
          maxWorkers: integrationWorkers,
        },
      },
      {
        test: {
          name: 'structure',
          include: ['tools/structure/**/*.test.ts'],
          exclude: ['**/node_modules/**', 'tools/structure/fixtures/**'],
          testTimeout: pureTestTimeoutMs,
        },
      },
    ],
  },
})
