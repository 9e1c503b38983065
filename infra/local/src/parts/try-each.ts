/** One way to get something. It throws to say why it cannot. */
export type Rung<T> = {
  name: string
  /** Needs the network the first time; `npm run doctor` leaves these out. */
  fetches: boolean
  attempt: () => Promise<T>
}

export type Climbed<T> = { reached: true; value: T } | { reached: false; looked: readonly string[] }

/** Tries the rungs in order and stops at the first that holds. Remembers why the others did not. */
export async function climb<T>(rungs: readonly Rung<T>[]): Promise<Climbed<T>> {
  const looked: string[] = []
  for (const rung of rungs) {
    try {
      return { reached: true, value: await rung.attempt() }
    } catch (error) {
      looked.push(`${rung.name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return { reached: false, looked }
}

/** A ladder of one rung: did it work, and if not, why. */
export function reach<T>(name: string, attempt: () => Promise<T>): Promise<Climbed<T>> {
  return climb([{ name, fetches: false, attempt }])
}
