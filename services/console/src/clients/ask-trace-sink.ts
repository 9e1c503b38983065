import { limits } from '../limits.ts'

/**
 * What the trace sink answers at this path.
 * @throws with `statusCode` 404 for a trace that it does not have, and when it does not answer in time
 */
export async function askTraceSink<Answer>(traceSinkUrl: string, path: string): Promise<Answer> {
  const signal = AbortSignal.timeout(limits.traces.askMs)
  const answer = await fetch(new URL(path, traceSinkUrl), { signal })
  if (answer.status === 404) {
    throw Object.assign(new Error('no such trace, or not exported yet'), { statusCode: 404 })
  }
  if (!answer.ok) throw new Error(`the trace sink answered ${answer.status}`)
  return answer.json() as Promise<Answer>
}
