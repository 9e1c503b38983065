const windowMs = 1_000

/**
 * Lets through the first lines of each kind in a second, and counts the others. Under ten times the load
 * a line for each refusal would cost more than it says, and would hide the lines that are rare.
 * @param linesPerSecondMax of one kind
 * @param sayLeftOut is called at the end of a second in which lines were left out, with their number by
 *   kind
 * @returns whether the next line of a kind is written. The number of kinds has to be bounded.
 */
export function openLineBudget(
  linesPerSecondMax: number,
  sayLeftOut: (counts: Readonly<Record<string, number>>) => void,
): (kind: string) => boolean {
  let seen = new Map<string, number>()
  let isCounting = false

  function endSecond(): void {
    const leftOut = [...seen]
      .filter(([, count]) => count > linesPerSecondMax)
      .map(([kind, count]) => [kind, count - linesPerSecondMax])
    seen = new Map()
    isCounting = false
    if (leftOut.length > 0) sayLeftOut(Object.fromEntries(leftOut))
  }

  return kind => {
    if (!isCounting) setTimeout(endSecond, windowMs).unref()
    isCounting = true
    const count = (seen.get(kind) ?? 0) + 1
    seen.set(kind, count)
    return count <= linesPerSecondMax
  }
}
