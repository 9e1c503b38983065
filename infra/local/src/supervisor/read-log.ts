import { open } from 'node:fs/promises'
import { isMissing, readIfThere } from '../read-if-there.ts'
import { filesOfLog } from './log-file.ts'

/** Everything that is kept of a log, oldest line first. */
export async function readWholeLog(file: string): Promise<string> {
  let text = ''
  for (const each of filesOfLog(file)) text = ((await readIfThere(each)) ?? '') + text
  return text
}

/**
 * The last bytes of a log, from the begin of a line; empty when there is no log. A log that was moved
 * aside a moment ago begins in an older file.
 */
export async function readLogEnd(file: string, bytesMax: number): Promise<string> {
  let text = ''
  for (const each of filesOfLog(file)) {
    const wanted = bytesMax - Buffer.byteLength(text)
    if (wanted <= 0) break
    text = (await readEnd(each, wanted)) + text
  }
  return text
}

async function readEnd(file: string, bytesMax: number): Promise<string> {
  try {
    await using handle = await open(file)
    const { size } = await handle.stat()
    const from = Math.max(0, size - bytesMax)
    const { buffer, bytesRead } = await handle.read({
      buffer: Buffer.alloc(size - from),
      position: from,
    })
    const text = buffer.subarray(0, bytesRead).toString()
    // The first line was cut, unless the file begins here.
    return from === 0 ? text : text.slice(text.indexOf('\n') + 1)
  } catch (error) {
    if (isMissing(error)) return ''
    throw error
  }
}
