import { limits } from '../../limits.ts'
import type { OpenStage } from '../open-stage.ts'
import type { Ending } from '../stage.ts'

/**
 * The first thing that comes this way is not passed on: `timeout` ms later both sides get an RST.
 * What came is kept until then, so that the stream is whole if the toxic is taken away in time.
 */
export const openResetPeer: OpenStage<'reset_peer'> = (outlet, read) => {
  let chunks: Buffer[] = []
  let ending: Ending | undefined
  let held = 0
  let timer: NodeJS.Timeout | undefined

  function startTimer(): void {
    timer ??= setTimeout(() => outlet.end('reset'), read().timeout)
  }

  return {
    push(chunk) {
      chunks.push(chunk)
      held += chunk.length + limits.pieceOverheadBytes
      startTimer()
    },
    end(how) {
      ending = how
      startTimer()
    },
    release() {
      clearTimeout(timer)
      const given = { chunks, ending }
      timer = undefined
      chunks = []
      ending = undefined
      held = 0
      return given
    },
    heldBytes: () => held,
  }
}
