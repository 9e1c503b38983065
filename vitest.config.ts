import { defineConfig } from 'vitest/config'

const testTimeoutMs = 30_000
/** These tests take a second or two; on a machine that is busy they take ten. */
const pureTestTimeoutMs = 30_000
const hookTimeoutMs = 60_000
/**
 * A file starts a handful of processes and waits for them most of the time. With two workers, two
 * cores were idle for nearly half of a run. Each worker may have one system with links
 * (`linkedSystemsMax` in test-parts.ts).
 */
const integrationWorkers = 3
/** A page is watched while a system of its own is broken: beside a third one, its waits are too short. */
const browserWorkers = 2

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
          exclude: ['**/node_modules/**', '**/*.{integration,browser,load}.test.ts'],
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
        // Not part of a plain `npm test`: a whole system and Chromium for each file take minutes.
        test: {
          name: 'browser',
          include: ['services/console/test/**/*.browser.test.ts'],
          globalSetup: ['load-tests/harness/test-parts.ts'],
          testTimeout: testTimeoutMs,
          hookTimeout: hookTimeoutMs,
          maxWorkers: browserWorkers,
        },
      },
      {
        // Not part of a plain `npm test`: k6 is built for minutes on a machine that has none. One file
        // at a time, because no other test may take the processor of a system under load.
        test: {
          name: 'load',
          include: ['load-tests/test/**/*.load.test.ts'],
          globalSetup: ['load-tests/harness/test-parts.ts'],
          testTimeout: testTimeoutMs,
          hookTimeout: hookTimeoutMs,
          fileParallelism: false,
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
