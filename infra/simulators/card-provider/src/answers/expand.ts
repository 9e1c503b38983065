/** The paths of an answer that are shown as objects, not as ids. */
export type Expand = ReadonlySet<string>

export const expandNothing: Expand = new Set()

/** A path that is expanded takes those above it along. */
export function expandPaths(paths: readonly string[]): Expand {
  return new Set(
    paths.flatMap(path => {
      const parts = path.split('.')
      return parts.map((_, index) => parts.slice(0, index + 1).join('.'))
    }),
  )
}

/** What is to be expanded below `name`. */
export function expandBelow(expand: Expand, name: string): Expand {
  const prefix = `${name}.`
  const below = [...expand].filter(path => path.startsWith(prefix))
  return new Set(below.map(path => path.slice(prefix.length)))
}
