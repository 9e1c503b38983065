/** The fields of a result that say which promises were broken. */
export type JudgedResult = Readonly<{
  name: string
  arms: Readonly<Partial<Record<string, JudgedArm>>>
}>

type JudgedArm = Readonly<{
  median: object
  verdict?: string
  /** The number of violations by promise. */
  violations?: Readonly<Record<string, number>>
}>

/**
 * Finds the promises that break without a pattern and hold with it, each with the experiments that
 * showed it. A promise that is not in the result was never broken, which proves little: no experiment
 * may have tried.
 */
export function brokenPromises(
  results: readonly JudgedResult[],
): ReadonlyMap<string, readonly string[]> {
  const shown = results
    .filter(({ arms }) => arms['with']?.verdict === 'valid')
    .flatMap(({ name, arms }) =>
      Object.keys(arms['naive']?.violations ?? {}).map(promise => ({ promise, name })),
    )
  const byPromise = Map.groupBy(shown, ({ promise }) => promise)
  const inOrder = [...byPromise].toSorted(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
  return new Map(inOrder.map(([promise, all]) => [promise, all.map(({ name }) => name)]))
}
