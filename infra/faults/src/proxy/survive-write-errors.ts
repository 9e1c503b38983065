import type { Socket } from 'node:net'

/** The function that a stream calls when a write is over. */
type Written = (error?: Error | null) => void

/**
 * Keeps a socket readable after a write has failed. A peer that has answered and then closed refuses
 * our next write, and Node then destroys the socket with the answer still unread in its buffer. So
 * a failed write counts as done here, as do all that follow, and reading goes on to the end: the
 * kernel still delivers the bytes that came before the cut. `refused` is called once, at the first
 * failure.
 */
export function surviveWriteErrors(socket: Socket, refused: () => void): void {
  const write = socket._write.bind(socket)
  const writeMany = socket._writev?.bind(socket)
  let isRefused = false

  /** Tells the stream that the write succeeded, whether or not it did. */
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
