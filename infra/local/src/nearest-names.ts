const shownMax = 3

/** The names that a person may have meant by this word, the likeliest first. */
export function nearestNames(typed: string, names: readonly string[]): string[] {
  const likely = names
    .map(name => ({ name, distance: distanceBetween(typed, name) }))
    .filter(({ name, distance }) => distance <= Math.max(1, name.length / 3) || isPart(typed, name))
  return likely
    .toSorted((a, b) => a.distance - b.distance)
    .slice(0, shownMax)
    .map(({ name }) => name)
}

/** One is a part of the other; a single letter is too short to tell. */
function isPart(typed: string, name: string): boolean {
  return typed.length > 1 && (name.includes(typed) || typed.includes(name))
}

/** The Levenshtein distance: how many letters have to be added, dropped or replaced. */
function distanceBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
