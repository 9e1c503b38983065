import { limits } from './limits.ts'
import type { ParamRules, Params } from './read-params.ts'

/** The parameters of every list. */
export const pageKinds: ParamRules['kinds'] = {
  limit: 'count',
  starting_after: 'text',
  ending_before: 'text',
}

/** One page of a list, the newest first. Undefined when the page starts at what is not in it. */
export function pageOf<One>(
  newestFirst: readonly One[],
  idOf: (one: One) => string,
  params: Params,
): Readonly<{ data: readonly One[]; hasMore: boolean }> | undefined {
  const count = params.number('limit') ?? limits.listDefault
  const after = params.find('starting_after')
  const before = params.find('ending_before')
  const cursor = after ?? before
  const at = cursor === undefined ? -1 : newestFirst.findIndex(one => idOf(one) === cursor)
  if (cursor !== undefined && at === -1) return undefined
  if (after === undefined && before !== undefined) {
    return { data: newestFirst.slice(Math.max(0, at - count), at), hasMore: at > count }
  }
  const end = at + 1 + count
  return { data: newestFirst.slice(at + 1, end), hasMore: newestFirst.length > end }
}
