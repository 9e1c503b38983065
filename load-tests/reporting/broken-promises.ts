/** What is needed of a result to say which promises it was about. */
export type Judged = Readonly<{ name: string; arms: Readonly<Partial<Record<string, JudgedArm>>> }>

type JudgedArm = Readonly<{
  median: object
  verdict?: string
  /** By promise, how often. */
  violations?: Readonly<Record<string, number>>
}>

/**
 * The promises that an arm without its pattern broke, each with the experiments that showed it, if the
 * auditor found all of them kept with the pattern. A promise that is not here was kept by everybody,
 * and that says little: nobody has tried to break it.
 */
export function brokenPromises(results: readonly Judged[]): ReadonlyMap<string, readonly string[]> {
  const shown = results
    .filter(({ arms }) => arms['with']?.verdict === 'valid')
    .flatMap(({ name, arms }) =>
      Object.keys(arms['naive']?.violations ?? {}).map(promise => ({ promise, name })),
    )
  const byPromise = Map.groupBy(shown, ({ promise }) => promise)
  const inOrder = [...byPromise].toSorted(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
  return new Map(inOrder.map(([promise, all]) => [promise, all.map(({ name }) => name)]))
}
