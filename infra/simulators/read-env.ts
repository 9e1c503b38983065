export type EnvReader = Readonly<{
  /** Reads a value that must be set unless there is a default. An empty value counts as missing. */
  text: (name: string, byDefault?: string) => string
  /** Reads an http URL, or undefined when it is not set. */
  url: (name: string) => string | undefined
  /** Reads a TCP port. With 0 the operating system chooses a free one. */
  port: (name: string) => number
  /** Adds a mistake that only the caller can find. */
  refuse: (mistake: string) => void
  /** Throws one error that lists every mistake found so far. */
  finish: () => void
}>

const portMax = 65_535

/** Reads settings and collects the mistakes, so that one error shows all of them. */
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
