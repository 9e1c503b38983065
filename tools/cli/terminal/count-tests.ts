import type { TestModule } from 'vitest/node'

export type TestCount = Readonly<{ passed: number; failed: number; skipped: number }>

/**
 * Counts what was run. A file that could not be loaded and an error outside of any test count as one
 * failure each: "0 failed" is only said when nothing failed.
 */
export function countTests(
  modules: Iterable<TestModule>,
  unhandledErrors: readonly unknown[],
): TestCount {
  const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 }
  for (const module of modules) {
    let failedTests = 0
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      if (state === 'passed') count.passed += 1
      else if (state === 'failed') failedTests += 1
      else count.skipped += 1
    }
    const failedOtherwise = module.state() === 'failed' && failedTests === 0 ? 1 : 0
    count.failed += failedTests + failedOtherwise
  }
  return count
}
