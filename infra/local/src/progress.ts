import type { WriteStream } from 'node:tty'
import { styleText } from 'node:util'

/** Shows progress to a person: one line per step, which a terminal rewrites while it lasts. */
export type Progress = Readonly<{
  /** Shows a detail of the current step. */
  report: (line: string) => void
  /** Runs one step, then shows how long it took. */
  step: <T>(title: string, work: () => Promise<T>) => Promise<T>
}>

/** Some terminals report a width of 0. */
const columnsUnknown = 80
const eraseLine = '\r\u001B[2K'

/** Without a terminal it writes plain lines, each once. */
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
    report: line => show(`${current === '' ? '' : ': '}${line}`),
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
