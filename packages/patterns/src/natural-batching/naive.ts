import type { Batching } from './types.ts'

/** What most teams ship first: each request has its own statement and its own commit. */
export const oneByOne: Batching = ({ run, expired }) => {
  return async item => {
    const late = expired(item)
    if (late !== undefined) return late
    const [result] = await run([item])
    return result as Awaited<ReturnType<typeof run>>[number]
  }
}
