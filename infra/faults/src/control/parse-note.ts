import { limits } from '../limits.ts'
import { type ApiError, badBody } from './api-error.ts'
import type { FaultAction, FaultNote, NotedKind } from './fault-log.ts'
import { parseName, parseObject, parseText } from './parse-body.ts'

const kinds: readonly NotedKind[] = ['process', 'setting', 'part']
const actions: readonly FaultAction[] = ['begin', 'change', 'end']
/** The log stamps a line itself, and these name what the proxies do. */
const reserved = ['at', 'seq', 'proxy', 'toxic', 'link', 'process']

/**
 * A line about a fault that somebody else makes, from the body of a request. Everything besides
 * kind, action and name is a detail and kept as it came. Throws the 400 that names the mistake.
 */
export function parseNote(body: unknown): FaultNote {
  const { kind, action, name, ...details } = parseObject(body)
  const taken = reserved.find(field => field in details)
  if (taken !== undefined) throw badBody(`${taken} can not be a detail`)
  const { signal } = details
  if (signal !== undefined && typeof signal !== 'string') throw badBody('signal must be a string')
  const note = {
    kind: oneOf('kind', kinds, kind),
    action: oneOf('action', actions, action),
    name: parseName(name),
    ...details,
  }
  if (JSON.stringify(note).length <= limits.noteCharsMax) return note
  throw noteTooLong()
}

export function noteTooLong(): ApiError {
  return badBody(`it must have at most ${limits.noteCharsMax} characters`)
}

function oneOf<Word extends string>(field: string, words: readonly Word[], value: unknown): Word {
  const text = parseText(field, value)
  const word = words.find(each => each === text)
  if (word === undefined) throw badBody(`${field} must be one of ${words.join(', ')}`)
  return word
}
