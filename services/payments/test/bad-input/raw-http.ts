import { connect } from 'node:net'

/** One answer, as it came over a TCP connection. */
export type RawAnswer = {
  status: number
  headers: Readonly<Record<string, string>>
  body: string
  // biome-ignore lint/suspicious/noExplicitAny: the tests check its content
  json: any
}

export type Exchange = {
  answers: readonly RawAnswer[]
  /** The bytes that came after the last whole answer. */
  rest: string
  /** True if the server ended the connection. */
  closed: boolean
  tookMs: number
}

export type Sending = {
  bytes: string | Uint8Array
  /**
   * The pause before each byte that follows `atOnceBytes`. Without it all bytes are sent at once.
   */
  byteEveryMs?: number
  atOnceBytes?: number
  /** The exchange ends after this many answers. */
  answers?: number
  /** The exchange ends only when the server ends the connection. */
  untilClosed?: boolean
  /** An exchange that takes longer than this fails. */
  withinMs?: number
}

const answerMs = 5_000

/** Sends bytes to a port of this machine, and reads the answers. */
export async function exchange(port: number, sending: Sending): Promise<Exchange> {
  const { byteEveryMs, untilClosed = false, withinMs = answerMs } = sending
  const awaited = sending.answers ?? 1
  const startedMs = performance.now()
  const socket = connect(port, '127.0.0.1')
  socket.setNoDelay(true)
  const bytes = Buffer.from(sending.bytes as string)
  const atOnceBytes = byteEveryMs === undefined ? bytes.length : (sending.atOnceBytes ?? 0)
  socket.write(bytes.subarray(0, atOnceBytes))
  let sent = atOnceBytes
  const byteTimer = setInterval(() => {
    if (sent < bytes.length && socket.writable) socket.write(bytes.subarray(sent, ++sent))
  }, byteEveryMs ?? withinMs)
  let text = ''
  try {
    return await new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`no end, only "${text}"`)), withinMs)
      const end = (closed: boolean) => {
        clearTimeout(late)
        resolve({ ...readAnswers(text), closed, tookMs: performance.now() - startedMs })
      }
      socket.setEncoding('latin1')
      socket.on('data', (chunk: string) => {
        text += chunk
        if (!untilClosed && readAnswers(text).answers.length >= awaited) end(false)
      })
      // After an answer the server may reset the connection, because it does not read the rest.
      socket.on('error', () => end(true))
      socket.on('close', () => end(true))
    })
  } finally {
    clearInterval(byteTimer)
    socket.destroy()
  }
}

/** Sends one request and reads one answer. */
export async function exchangeOne(
  port: number,
  bytes: string | Uint8Array,
  withinMs = answerMs,
): Promise<RawAnswer> {
  const { answers, rest } = await exchange(port, { bytes, withinMs })
  if (answers[0]) return answers[0]
  throw new Error(`the connection ended without an answer, after "${rest}"`)
}

function readAnswers(text: string): { answers: RawAnswer[]; rest: string } {
  const answers: RawAnswer[] = []
  let rest = text
  for (;;) {
    const headEnd = rest.indexOf('\r\n\r\n')
    if (headEnd < 0) return { answers, rest }
    const [start = '', ...lines] = rest.slice(0, headEnd).split('\r\n')
    const headers = Object.fromEntries(
      lines.map(line => {
        const colon = line.indexOf(':')
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
      }),
    )
    const bodyEnd = headEnd + 4 + Number(headers['content-length'] ?? 0)
    if (rest.length < bodyEnd) return { answers, rest }
    const body = Buffer.from(rest.slice(headEnd + 4, bodyEnd), 'latin1').toString()
    const isJson = headers['content-type']?.includes('json') && body !== ''
    answers.push({
      status: Number(/^HTTP\/1\.1 (\d{3})/.exec(start)?.[1] ?? 0),
      headers,
      body,
      json: isJson ? JSON.parse(body) : undefined,
    })
    rest = rest.slice(bodyEnd)
  }
}
