import { execFile } from 'node:child_process'
import { readdir, readFile, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { PassThrough } from 'node:stream'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { followFile } from '../follow-file.ts'
import { makeThrowAwayDir } from '../throw-away.ts'
import { copyLines, filesOfLog, type LogFile, openLogFile, withLogFile } from './log-file.ts'
import { readLogEnd, readWholeLog } from './read-log.ts'

const bytesMax = 1_000

async function openTestLog(): Promise<{ file: string; log: LogFile }> {
  const dir = await makeThrowAwayDir()
  const file = join(dir, 'a.log')
  const onFailure = (error: unknown) => expect.unreachable(String(error))
  const log = openLogFile(file, { bytesMax, onFailure })
  onTestFinished(async () => {
    log.close()
    await rm(dir, { recursive: true })
  })
  return { file, log }
}

const numbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => `line ${from + index} ${'ö'.repeat(index % 40)}`)

/** Prints in pieces that end anywhere, also within a character. */
function print(output: PassThrough, lines: readonly string[]): void {
  const bytes = Buffer.from(lines.map(line => `${line}\n`).join(''))
  for (let at = 0; at < bytes.length; at += 37) output.write(bytes.subarray(at, at + 37))
}

test('no line is lost or cut when a log is moved aside while its process prints', async () => {
  const { file, log } = await openTestLog()
  const output = new PassThrough()
  copyLines(output, log)
  const lines = numbered(0, 60)
  print(output, lines)
  await expect.poll(() => readWholeLog(file)).toBe(lines.map(line => `${line}\n`).join(''))
  expect((await readdir(join(file, '..'))).length).toBeGreaterThan(2)
  for (const each of await readdir(join(file, '..'))) {
    const text = await readFile(join(file, '..', each), 'utf8')
    expect(text, each).toMatch(/^line .*\n$/s)
  }
})

test('a log that is written for ever keeps a bounded number of bytes, the newest', async () => {
  const { file, log } = await openTestLog()
  for (const line of numbered(0, 1_000)) log.append(Buffer.from(`${line}\n`))
  const names = await readdir(join(file, '..'))
  expect(names.toSorted()).toEqual(filesOfLog(file).map(each => basename(each)))
  const sizes = await Promise.all(filesOfLog(file).map(async each => (await stat(each)).size))
  expect(Math.max(...sizes)).toBeLessThanOrEqual(bytesMax)
  expect(await readLogEnd(file, 10_000)).toMatch(/line 999 .*\n$/)
})

test('two outputs share a log line by line, and a last line without an end gets one', async () => {
  const { file, log } = await openTestLog()
  const outputs = [new PassThrough(), new PassThrough()]
  for (const output of outputs) copyLines(output, log)
  const [out, error] = outputs
  out?.write('half of ')
  error?.end('an error')
  await expect.poll(() => readWholeLog(file)).toBe('an error\n')
  out?.end('a line\n')
  await expect.poll(() => readWholeLog(file)).toBe('an error\nhalf of a line\n')
})

test('a follower answers every line once, however often the log is moved aside meanwhile', async () => {
  const { file, log } = await openTestLog()
  const follower = followFile(file, 0)
  const lines = numbered(0, 600)
  const followed = await follower.next()
  for (let at = 0; at < lines.length; at += 40) {
    for (const line of lines.slice(at, at + 40)) log.append(Buffer.from(`${line}\n`))
    followed.push(...(await follower.next()))
  }
  await expect
    .poll(async () => {
      followed.push(...(await follower.next()))
      return followed.length
    })
    .toBe(lines.length)
  expect(followed).toEqual(lines)
})

test('the log of a process that has died is kept when its next instances die, too', async () => {
  const { file } = await openTestLog()
  for (const death of [1, 2, 3, 4]) {
    const log = openLogFile(file, { bytesMax, onFailure: () => undefined })
    log.append(Buffer.from(`${`death ${death}`.padEnd(bytesMax - 1)}\n`))
    log.close()
  }
  const text = await readWholeLog(file)
  expect(text.match(/death \d/g)).toEqual(['death 1', 'death 2', 'death 3', 'death 4'])
})

test('a log that cannot be written says so once, and the process goes on', async () => {
  const failures: unknown[] = []
  const log = openLogFile('/dev/full', { onFailure: error => failures.push(error) })
  log.append(Buffer.from('one\n'))
  log.append(Buffer.from('two\n'))
  log.close()
  expect(failures.map(String)).toEqual([expect.stringContaining('ENOSPC')])
})

test('a log that a child holds itself is moved aside when it is opened full', async () => {
  const { file } = await openTestLog()
  const full = openLogFile(file, { bytesMax: Number.POSITIVE_INFINITY, onFailure: () => undefined })
  full.append(Buffer.alloc(9 * 1024 * 1024))
  full.close()
  withLogFile(file, () => undefined)
  expect((await readdir(join(file, '..'))).toSorted()).toEqual(['a.log', 'a.log.1'])
})

test('a log that cannot be begun again overwrites none of the older ones', async () => {
  const { file } = await openTestLog()
  // The limit holds for a whole process, so another one meets it.
  const script = `
    import { closeSync, openSync } from 'node:fs'
    import { openLogFile } from ${JSON.stringify(join(import.meta.dirname, 'log-file.ts'))}
    const failures = []
    const log = openLogFile(${JSON.stringify(file)}, {
      bytesMax: ${bytesMax},
      onFailure: error => failures.push(error.code),
    })
    const append = text => log.append(Buffer.from(text.padEnd(${bytesMax - 1}) + '\\n'))
    for (const word of ['one', 'two', 'three', 'four', 'five']) append(word)
    const taken = []
    try {
      for (;;) taken.push(openSync('/dev/null'))
    } catch {}
    for (const word of ['lost 1', 'lost 2', 'lost 3', 'lost 4', 'lost 5']) append(word)
    for (const each of taken) closeSync(each)
    append('six')
    console.log(failures.join())`
  const node = [process.execPath, '--input-type=module', '--eval', script]
  const { stdout } = await promisify(execFile)('sh', [
    '-c',
    'ulimit -n 64 && exec "$@"',
    '-',
    ...node,
  ])
  expect(stdout).toBe('EMFILE\n')
  const words = (await readWholeLog(file)).split('\n').map(line => line.trim())
  expect(words).toEqual(['two', 'three', 'four', 'five', 'six', ''])
})
