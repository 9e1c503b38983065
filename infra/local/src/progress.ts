import type { WriteStream } from 'node:tty'
import { styleText } from 'node:util'

/** Tells a person what is going on: one line per step, rewritten while it lasts on a terminal. */
export type Progress = Readonly<{
  /** A detail of the current step. */
  say: (line: string) => void
  /** Runs one step and tells when it is done and how long it took. */
  step: <T>(title: string, work: () => Promise<T>) => Promise<T>
}>

/** A terminal that does not tell its width reports 0. */
const columnsUnknown = 80
const eraseLine = '\r\u001B[2K'

/** On anything but a terminal: plain lines, each written once. */
export function openProgress(stream: WriteStream): Progress {
  const { isTTY } = stream
  const mark = (kind: 'green' | 'red', text: string) => styleText(kind, text, { stream })
  let current = ''

  function show(detail: string): void {
    const line = `  ${current}${detail}`
    if (isTTY) stream.write(`${eraseLine}${line.slice(0, (stream.columns || columnsUnknown) - 1)}`)
    else stream.write(`${line}\n`)
  }
  function end(line: string): void {
    stream.write(`${isTTY ? eraseLine : ''}${line}\n`)
  }
  return {
    say: line => show(`${current === '' ? '' : ': '}${line}`),
    async step(title, work) {
      const startedAt = performance.now()
      current = title
      if (isTTY) show(' ...')
      try {
        const result = await work()
        const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
        end(`${mark('green', '✓')} ${title} (${seconds} s)`)
        return result
      } catch (error) {
        end(`${mark('red', '✗')} ${title}`)
        throw error
      } finally {
        current = ''
      }
    },
  }
}
