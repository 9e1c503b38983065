import { limits } from '../limits.ts'
import type { ParamRules, Params, Read } from '../requests/read-params.ts'
import type { ApiError } from './api-error.ts'
import { invalidParam } from './api-error.ts'

const shownMax = 60

/** Every list has these parameters. */
export const listParams: ParamRules['kinds'] = {
  limit: 'count',
  starting_after: 'text',
  ending_before: 'text',
}

type Page<One> = Readonly<{ data: readonly One[]; hasMore: boolean }>

/**
 * Answers one page of a list, newest first. A cursor that is not in the list is refused. `afterName`
 * is the name of the forward cursor, which is another one in a search.
 */
export function listPage<One>(
  newestFirst: readonly One[],
  idOf: (one: One) => string,
  params: Params,
  afterName = 'starting_after',
): Read<Page<One>> {
  const count = params.number('limit') ?? limits.listDefault
  const after = params.find(afterName)
  const before = params.find('ending_before')
  if (after !== undefined && before !== undefined) return refused(exclusive())
  const cursor = after ?? before
  const at = cursor === undefined ? -1 : newestFirst.findIndex(one => idOf(one) === cursor)
  if (cursor !== undefined && at === -1) {
    return refused(noSuchCursor(after === undefined ? 'ending_before' : afterName, cursor))
  }
  if (before !== undefined) {
    return read({ data: newestFirst.slice(Math.max(0, at - count), at), hasMore: at > count })
  }
  const end = at + 1 + count
  return read({ data: newestFirst.slice(at + 1, end), hasMore: newestFirst.length > end })
}

function exclusive(): ApiError {
  const message = 'You may only specify one of these parameters: starting_after, ending_before.'
  return invalidParam('ending_before', 'parameters_exclusive', message)
}

function noSuchCursor(param: string, cursor: string): ApiError {
  const message = `There is nothing with the id '${cursor.slice(0, shownMax)}' in this list.`
  return invalidParam(param, 'resource_missing', message)
}

function read<One>(value: Page<One>): Read<Page<One>> {
  return { kind: 'read', value }
}

function refused(error: ApiError): Read<never> {
  return { kind: 'refused', error }
}
