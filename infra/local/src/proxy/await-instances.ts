import { waitUntil } from '../wait-until.ts'

const answerMs = 1_000

/** An instance as HAProxy sees it. It takes requests when it gets its whole share of them. */
export type SeenInstance = Readonly<{ name: string; takesRequests: boolean; state: string }>

/**
 * Waits until HAProxy sends requests to all of these instances. A process that is ready gets none
 * until the proxy has asked it, and few for a while.
 * @param statsUrl the page of HAProxy with its states
 * @throws naming the instances that get no requests when the time is up
 */
export async function awaitInstances(
  statsUrl: string,
  names: readonly string[],
  timeoutMs: number,
): Promise<void> {
  let missing = [...names]
  const areSeen = async () => {
    const seen = await readInstances(statsUrl).catch(() => []) // the deadline decides
    const taking = seen.filter(each => each.takesRequests).map(each => each.name)
    missing = names.filter(name => !taking.includes(name))
    return missing.length === 0
  }
  if (await waitUntil(areSeen, timeoutMs)) return
  throw new Error(`HAProxy sends no requests to ${missing.join(', ')} after ${timeoutMs / 1000} s`)
}

/** The states of all instances, as HAProxy shows them now. */
export async function readInstances(statsUrl: string): Promise<SeenInstance[]> {
  const answer = await fetch(`${statsUrl};csv`, { signal: AbortSignal.timeout(answerMs) })
  return parseInstances(await answer.text())
}

/** The first line names the columns; rows of a proxy as a whole are no instances. */
function parseInstances(csv: string): SeenInstance[] {
  const [heading = '', ...lines] = csv.trim().split('\n')
  const columns = heading.replace(/^# /, '').split(',')
  return lines.flatMap(line => {
    const cells = line.split(',')
    const cell = (name: string) => cells[columns.indexOf(name)] ?? ''
    const [name, state, check] = [cell('svname'), cell('status'), cell('check_status')]
    if (name === 'FRONTEND' || name === 'BACKEND') return []
    // A server counts as "UP" before it was asked for the first time; L7OK says that it was. While it
    // warms up, it has a percentage in `throttle`.
    const takesRequests =
      state.startsWith('UP') && check.endsWith('L7OK') && cell('throttle') === ''
    return [{ name, takesRequests, state }]
  })
}
