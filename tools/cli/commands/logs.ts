/** Shows the logs, of one process or of all of them together. */
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { styleText } from 'node:util'
import { followFile, sizeOf } from '@nightshift/local/follow-file'
import { ifThere } from '@nightshift/local/read-if-there'
import { readNumber } from '@nightshift/local/read-number'
import { lastLines } from '@nightshift/local/supervisor/await-ready'
import { statePaths } from '@nightshift/local/system/state'
import { interleave } from '../terminal/log-time.ts'
import { exitWith, npmCommand, parsedBy, runCommand } from '../terminal/run-command.ts'

const description = `Shows the last lines of one process, or of all of them together in the order of their times.`

const linesMax = 100_000
const pollMs = 200
const readLines = (text: string) => readNumber('--lines', text, linesMax, 0)

export const command = npmCommand('logs', description)
  .argument('[name]', 'the process; all of them if there is none')
  .option('-f, --follow', 'wait for more until Ctrl-C')
  .option('--lines <n>', 'so many lines', parsedBy(readLines), 50)
  .action(exitWith(run))

type Options = { follow?: boolean; lines: number }
type Print = (name: string, text: string) => void

if (import.meta.main) {
  // A reader that has seen enough, as in `| head`, is no error.
  process.stdout.on('error', () => process.exit(0))
  await runCommand(command)
}

async function run(only: string | undefined, { follow, lines: count }: Options): Promise<number> {
  const { logs: dir } = statePaths()
  const names = await listLogs(dir)
  if (only !== undefined && !names.includes(only)) {
    const known = names.length > 0 ? `There are: ${names.join(', ')}.` : 'There are none yet.'
    throw new Error(`There is no log of ${JSON.stringify(only)}. ${known}`)
  }
  const shown = only === undefined ? names : [only]
  const width = Math.max(0, ...shown.map(name => name.length))
  const print: Print = (name, text) => {
    const prefix = only === undefined ? `${styleText('cyan', name.padEnd(width))}  ` : ''
    console.log(`${prefix}${text}`)
  }

  const fileOf = (name: string) => join(dir, `${name}.log`)
  const ends = new Map<string, number>()
  const logs = new Map<string, string[]>()
  for (const name of shown) {
    ends.set(name, await sizeOf(fileOf(name)))
    logs.set(name, await lastLines(fileOf(name), count))
  }
  const merged = interleave(logs)
  for (const { name, text } of merged.slice(Math.max(0, merged.length - count))) print(name, text)
  if (follow) await followLogs(fileOf, ends, print)
  return 0
}

async function followLogs(
  fileOf: (name: string) => string,
  ends: ReadonlyMap<string, number>,
  print: Print,
): Promise<void> {
  const followers = [...ends].map(([name, end]) => ({ name, file: followFile(fileOf(name), end) }))
  let isOver = false
  const interrupted = once(process, 'SIGINT').then(() => {
    isOver = true
  })
  while (!isOver) {
    for (const { name, file } of followers) {
      for (const text of await file.next()) print(name, text)
    }
    await Promise.race([sleep(pollMs), interrupted])
  }
}

async function listLogs(dir: string): Promise<string[]> {
  const files = (await ifThere(readdir(dir))) ?? []
  return files.filter(file => file.endsWith('.log')).map(file => basename(file, '.log'))
}
