import type { Admission } from './types.ts'

/** Takes due work only when there is a place for its call. Without one it looks like no work. */
export function whilePlaces<Due>(
  admission: Pick<Admission, 'take' | 'giveBack'>,
  takeDue: () => Promise<Due | undefined>,
): () => Promise<Due | undefined> {
  return async () => {
    if (!admission.take('begun')) return undefined
    let due: Due | undefined
    try {
      due = await takeDue()
      return due
    } finally {
      if (due === undefined) admission.giveBack('begun')
    }
  }
}
