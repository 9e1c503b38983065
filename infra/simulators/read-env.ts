export type EnvReader = Readonly<{
  /** A value that must be there, unless there is a default. Empty counts as missing. */
  text: (name: string, byDefault?: string) => string
  /** An http URL, or undefined when it is not set. */
  url: (name: string) => string | undefined
  /** A TCP port; 0 lets the system choose a free one. */
  port: (name: string) => number
  /** Adds a mistake that only the caller can see. */
  refuse: (mistake: string) => void
  /** Throws one error that lists every mistake found so far. */
  finish: () => void
}>

const portMax = 65_535

/** Reads settings and collects the mistakes, so that a person sees all of them at once. */
export function createEnvReader(env: Readonly<Record<string, string | undefined>>): EnvReader {
  const mistakes: string[] = []

  function text(name: string, byDefault?: string): string {
    const value = env[name] || byDefault
    if (value === undefined) mistakes.push(`${name} is missing`)
    return value ?? ''
  }

  return {
    text,
    url(name) {
      const value = env[name] || undefined
      const isHttp = value === undefined || /^https?:$/.test(URL.parse(value)?.protocol ?? '')
      if (!isHttp) mistakes.push(`${name} must be an http URL`)
      return value
    },
    refuse: mistake => void mistakes.push(mistake),
    port(name) {
      const value = text(name)
      const port = Number(value)
      const valid = /^\d+$/.test(value) && port <= portMax
      if (value !== '' && !valid) mistakes.push(`${name} must be a port from 0 to ${portMax}`)
      return port
    },
    finish() {
      if (mistakes.length > 0) throw new Error(`settings: ${mistakes.join('; ')}`)
    },
  }
}
