import { connect } from 'node:net'

/** One answer as it came over a bare socket. */
export type RawAnswer = {
  status: number
  headers: Readonly<Record<string, string>>
  body: string
  // biome-ignore lint/suspicious/noExplicitAny: a test asserts what is in it
  json: any
}

export type Conversation = {
  answers: readonly RawAnswer[]
  /** What came and is not a whole answer. */
  rest: string
  /** The server ended the connection. */
  closed: boolean
  tookMs: number
}

export type Saying = {
  bytes: string | Uint8Array
  /** Says one byte at a time with this much between them, after `atOnceBytes`; unset: all at once. */
  byteEveryMs?: number
  atOnceBytes?: number
  /** Ends when this many answers have come. */
  answers?: number
  /** Ends when the server ends the connection, whatever it answers before that. */
  untilClosed?: boolean
  /** Longer than this is a hang, and fails. */
  withinMs?: number
}

const answerMs = 5_000

/** Says these bytes to a port of this machine and listens, until there is nothing more to wait for. */
export async function converse(port: number, saying: Saying): Promise<Conversation> {
  const { byteEveryMs, untilClosed = false, withinMs = answerMs } = saying
  const awaited = saying.answers ?? 1
  const startedMs = performance.now()
  const socket = connect(port, '127.0.0.1')
  socket.setNoDelay(true)
  const bytes = Buffer.from(saying.bytes as string)
  const atOnceBytes = byteEveryMs === undefined ? bytes.length : (saying.atOnceBytes ?? 0)
  socket.write(bytes.subarray(0, atOnceBytes))
  let said = atOnceBytes
  const slowly = setInterval(() => {
    if (said < bytes.length && socket.writable) socket.write(bytes.subarray(said, ++said))
  }, byteEveryMs ?? withinMs)
  let text = ''
  try {
    return await new Promise((resolve, reject) => {
      const hangs = setTimeout(() => reject(new Error(`no end, only "${text}"`)), withinMs)
      const end = (closed: boolean) => {
        clearTimeout(hangs)
        resolve({ ...readAnswers(text), closed, tookMs: performance.now() - startedMs })
      }
      socket.setEncoding('latin1')
      socket.on('data', (chunk: string) => {
        text += chunk
        if (!untilClosed && readAnswers(text).answers.length >= awaited) end(false)
      })
      // A reset behind an answer is the server not reading what we still had to say.
      socket.on('error', () => end(true))
      socket.on('close', () => end(true))
    })
  } finally {
    clearInterval(slowly)
    socket.destroy()
  }
}

/** One request, one answer. */
export async function ask(
  port: number,
  bytes: string | Uint8Array,
  withinMs = answerMs,
): Promise<RawAnswer> {
  const { answers, rest } = await converse(port, { bytes, withinMs })
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
