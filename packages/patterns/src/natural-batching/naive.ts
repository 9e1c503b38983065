import type { Batching } from './types.ts'

/** Each request its own statement and its own commit, as everybody writes it. */
export const oneByOne: Batching = ({ run }) => {
  return async item => {
    const [result] = await run([item])
    return result as Awaited<ReturnType<typeof run>>[number]
  }
}
