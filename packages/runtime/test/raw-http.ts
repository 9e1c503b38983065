import { connect, type Socket } from 'node:net'

/** What came back over a bare socket, as far as it can be read. */
export type RawAnswer = {
  /** 0 when the connection ended without an answer. */
  status: number
  headers: Record<string, string>
  body: string
  /** Parsed, where it is JSON. */
  json: Record<string, unknown> | undefined
  /** The server ended the connection. */
  closed: boolean
  /** What followed the first answer. */
  rest: string
  tookMs: number
}

const patienceMs = 8_000

/** Writes these bytes to a port of this machine and reads one answer, or the end of the connection. */
export async function sendRaw(
  port: number,
  bytes: string | Uint8Array,
  untilClosed = false,
): Promise<RawAnswer> {
  const socket = connect(port, '127.0.0.1')
  socket.write(bytes)
  try {
    return await readAnswer(socket, untilClosed)
  } finally {
    socket.destroy()
  }
}

/** Reads one answer; with `untilClosed` it also waits for the server to end the connection. */
export function readAnswer(socket: Socket, untilClosed = false): Promise<RawAnswer> {
  const startedMs = performance.now()
  return new Promise((resolve, reject) => {
    let text = ''
    const timer = setTimeout(
      () => reject(new Error(`no end after ${patienceMs} ms: ${text}`)),
      patienceMs,
    )
    const done = (closed: boolean) => {
      clearTimeout(timer)
      const tookMs = performance.now() - startedMs
      resolve({ ...parse(text), closed, tookMs })
    }
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      text += chunk
      if (!untilClosed && parse(text).complete) done(false)
    })
    // A reset after an answer is the server not reading what we still had to say.
    socket.on('error', () => done(true))
    socket.on('close', () => done(true))
  })
}

function parse(text: string) {
  const headEnd = text.indexOf('\r\n\r\n')
  const [start = '', ...lines] = text.slice(0, Math.max(0, headEnd)).split('\r\n')
  const headers = Object.fromEntries(
    lines.map(line => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    }),
  )
  const length = Number(headers['content-length'] ?? 0)
  const after = headEnd < 0 ? '' : text.slice(headEnd + 4)
  const body = after.slice(0, length)
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(start)?.[1] ?? 0),
    headers,
    body,
    json: headers['content-type']?.includes('json') && body ? JSON.parse(body) : undefined,
    rest: after.slice(length),
    complete: headEnd >= 0 && body.length === length,
  }
}
