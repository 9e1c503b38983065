/** Something that was started, and what kind of thing it is. */
type Started = { spec: { kind: string } }

/**
 * The reverse of the order of start, in waves. Neighbours of one kind were started side by side,
 * know nothing of each other, and may stop side by side; the services are gone before the parts
 * that they finish their work with.
 */
export function stopWaves<T extends Started>(started: readonly T[]): T[][] {
  const waves: T[][] = []
  for (const each of started.toReversed()) {
    const wave = waves.at(-1)
    if (wave?.[0]?.spec.kind === each.spec.kind) wave.push(each)
    else waves.push([each])
  }
  return waves
}
