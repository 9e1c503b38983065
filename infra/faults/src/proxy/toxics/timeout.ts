import type { OpenStage } from '../open-stage.ts'
import { nothingHeld } from '../stage.ts'

/**
 * A black hole: bytes are dropped, and the connection closes after `timeout` ms without any, or
 * never when that is 0. As bytes are missing from then on, taking the toxic away closes it too.
 */
export const openTimeout: OpenStage<'timeout'> = (outlet, read) => {
  let timer: NodeJS.Timeout | undefined

  function startTimer(): void {
    clearTimeout(timer)
    const { timeout } = read()
    if (timeout > 0) timer = setTimeout(() => outlet.end('close'), timeout)
  }

  return {
    start: startTimer,
    push: startTimer,
    end: outlet.end,
    release() {
      clearTimeout(timer)
      return nothingHeld
    },
    heldBytes: () => 0,
    endsWhenRemoved: 'close',
  }
}
