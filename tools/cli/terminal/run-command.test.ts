import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { findFreePorts } from '@nightshift/local/ports/free-ports'
import type { Command } from 'commander'
import { afterEach, expect, test, vi } from 'vitest'
import { exitCodeOf, exitWith, npmCommand, parsedBy } from './run-command.ts'

afterEach(() => {
  process.exitCode = undefined
})

let written = ''
function sample(run: (options: { rounds?: number }) => Promise<number>): Command {
  written = ''
  const write = (text: string) => {
    written += text
  }
  return npmCommand('sample', 'Shows how a command ends.')
    .option('--rounds <n>', 'how often', parsedBy(readRounds))
    .configureOutput({ writeOut: write, writeErr: write })
    .action(exitWith(run))
}

function readRounds(text: string): number {
  if (text === '3') return 3
  throw new Error('--rounds must be 3')
}

test('a command ends with the exit code that it answers, and is handed its options', async () => {
  const command = sample(async ({ rounds }) => rounds ?? 7)
  expect(await exitCodeOf(command, ['--rounds', '3'])).toBe(3)
  expect(
    await exitCodeOf(
      sample(async () => 7),
      [],
    ),
  ).toBe(7)
})

test.each([
  ['an unknown option', ['--round', '3'], 'Did you mean --rounds?'],
  ['a value that can not be', ['--rounds', 'x'], '--rounds must be 3'],
  ['an argument too many', ['more'], 'too many arguments'],
])('%s ends with 2, a message and the help', async (_, args, message) => {
  expect(
    await exitCodeOf(
      sample(async () => 0),
      args,
    ),
  ).toBe(2)
  expect(written).toContain(message)
  expect(written).toContain('Usage: npm run sample -- [options]')
})

test('help is no error', async () => {
  expect(
    await exitCodeOf(
      sample(async () => 1),
      ['--help'],
    ),
  ).toBe(0)
  expect(written).toContain('Shows how a command ends.')
})

test('an error of the world ends with 1', async () => {
  const command = sample(() => Promise.reject(new Error('Nothing runs.')))
  expect(await exitCodeOf(command, [])).toBe(1)
})

test('an answer that is lost, as when the system is stopped meanwhile, is one line', async () => {
  const lines: string[] = []
  const write = vi
    .spyOn(process.stderr, 'write')
    .mockImplementation(line => lines.push(`${line}`) > 0)
  const [port] = await findFreePorts(1)
  try {
    const lost = sample(() => fetch(`http://127.0.0.1:${port}`).then(() => 0))
    expect(await exitCodeOf(lost, [])).toBe(1)
  } finally {
    write.mockRestore()
  }
  expect(lines.join('')).toMatch(/^No answer: .*ECONNREFUSED.*\n$/)
})

test('a command whose reader has gone does its work to the end, and says nothing', async () => {
  const script = `
    import { npmCommand, runCommand, exitWith } from ${JSON.stringify(join(import.meta.dirname, 'run-command.ts'))}
    const work = async () => {
      for (const line of [1, 2, 3]) {
        process.stdout.write(line + '\\n')
        await new Promise(setImmediate)
      }
      return 7
    }
    await runCommand(npmCommand('work', 'works').action(exitWith(work)), [])`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stdout.destroy()
  const ended = once(child, 'close')
  expect(await text(child.stderr)).toBe('')
  expect((await ended)[0]).toBe(7)
})
