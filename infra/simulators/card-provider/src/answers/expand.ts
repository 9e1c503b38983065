/** These paths of an answer are shown as objects and not as ids. */
export type Expand = ReadonlySet<string>

export const expandNothing: Expand = new Set()

/** Expands each path together with the paths above it. */
export function expandPaths(paths: readonly string[]): Expand {
  return new Set(
    paths.flatMap(path => {
      const parts = path.split('.')
      return parts.map((_, index) => parts.slice(0, index + 1).join('.'))
    }),
  )
}

/** Answers the paths below `name`, relative to it. */
export function expandBelow(expand: Expand, name: string): Expand {
  const prefix = `${name}.`
  const below = [...expand].filter(path => path.startsWith(prefix))
  return new Set(below.map(path => path.slice(prefix.length)))
}
