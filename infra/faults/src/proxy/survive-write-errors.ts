import type { Socket } from 'node:net'

/** What a stream calls when a write is over. */
type Written = (error?: Error | null) => void

/**
 * Keeps a socket readable after a write has failed. A peer that has answered and then closed refuses
 * our next write, and Node destroys a socket at that, with the answer still unread in its buffer. So
 * a failed write counts as done here, as do all that follow, and reading goes on to the end: the
 * kernel gives out what came before the cut. `refused` is called once, at the first failure.
 */
export function surviveWriteErrors(socket: Socket, refused: () => void): void {
  const write = socket._write.bind(socket)
  const writeMany = socket._writev?.bind(socket)
  let isRefused = false

  /** Tells the stream that all is well, whatever became of it. */
  function swallowing(done: Written): Written {
    return error => {
      done()
      if (!error || isRefused) return
      isRefused = true
      refused()
    }
  }

  socket._write = (chunk, encoding, done) => {
    if (isRefused) done()
    else write(chunk, encoding, swallowing(done))
  }
  if (writeMany === undefined) return
  socket._writev = (chunks, done) => {
    if (isRefused) done()
    else writeMany(chunks, swallowing(done))
  }
}
