import { type Environment, exists, findExecutable } from '../machine.ts'

/** One way to get something. `attempt` throws to say why it can not. */
export type Candidate<T> = Readonly<{
  name: string
  /** It needs the network the first time; `npm run doctor` leaves it out. */
  fetches?: true
  attempt: () => Promise<T>
}>

/** A failure holds one reason for each candidate that was tried. */
export type Tried<T> = { ok: true; value: T } | { ok: false; reasons: readonly string[] }

/** Tries the candidates in order and stops at the first that works. */
export async function tryEach<T>(candidates: readonly Candidate<T>[]): Promise<Tried<T>> {
  const reasons: string[] = []
  for (const { name, attempt } of candidates) {
    try {
      return { ok: true, value: await attempt() }
    } catch (error) {
      reasons.push(`${name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return { ok: false, reasons }
}

export function tryOne<T>(name: string, attempt: () => Promise<T>): Promise<Tried<T>> {
  return tryEach([{ name, attempt }])
}

/** A program that the machine has already. */
export function programOnPath<T>(
  program: string,
  environment: Environment,
  check: (path: string) => Promise<T>,
): Candidate<T> {
  return {
    name: `${program} on PATH`,
    attempt: async () => {
      const path = await findExecutable(program, environment)
      if (path === undefined) throw new Error('not there')
      return check(path)
    },
  }
}

/** A directory that an earlier start has filled. */
export function filledDirectory<T>(directory: string, check: () => Promise<T>): Candidate<T> {
  return {
    name: directory,
    attempt: async () => {
      if (!(await exists(directory))) throw new Error('not there yet')
      return check()
    },
  }
}
