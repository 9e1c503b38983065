import { spawnSync } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { environmentOf } from '../src/machine.ts'
import { images } from '../src/parts/images.ts'
import { kafka } from '../src/parts/kafka.ts'
import type { Found, Part } from '../src/parts/part.ts'
import { postgres } from '../src/parts/postgres.ts'
import { redis } from '../src/parts/redis.ts'
import { contextIn, openScratch } from './parts-process.ts'

test('Docker is the last candidate, and its image is pulled once', async () => {
  await using scratch = await openScratch()
  const docker = await openRecordingDocker(scratch.dir)
  const context = {
    ...(await contextIn(scratch.dir, 'redis')),
    toolsDir: join(scratch.dir, 'tools'),
    environment: docker.environment,
  }
  const found = await redis.find(context)
  expect(found).toEqual({ how: 'docker', version: '7.4.7-alpine', image: images.redis })
  expect(await redis.find(context)).toEqual(found)
  const calls = await docker.calls()
  expect(calls.filter(call => call.startsWith('pull'))).toEqual([`pull --quiet ${images.redis}`])
})

test.each([
  { part: postgres, inside: () => 5432 },
  { part: redis, inside: () => 6379 },
  { part: kafka, inside: (port: number) => port },
])('$part.name in a container is reachable from this machine only', async ({ part, inside }) => {
  await using scratch = await openScratch()
  const { context, spec, calls } = await startAndRun(scratch.dir, part)
  const name = `nightshift-${part.name}-${context.port}`
  const [removed, run = ''] = (await calls()).slice(-2)
  expect(removed).toBe(`rm --force ${name}`)
  expect(run).toContain(`run --rm --name ${name} -p 127.0.0.1:${context.port}:`)
  expect(run).toContain(`:${inside(context.port)} `)
  expect(run).toContain(images[part.name])
  expect(spec.ports).toContain(context.port)
})

test('a container has the settings of the native server', async () => {
  await using scratch = await openScratch()
  const server = await startAndRun(scratch.dir, postgres)
  expect((await server.calls()).at(-1)).toContain('-c wal_level=logical')

  const broker = await startAndRun(scratch.dir, kafka)
  expect(broker.spec.env).toMatchObject({
    KAFKA_BROKER_SESSION_TIMEOUT_MS: '1000',
    KAFKA_LISTENERS: `PLAINTEXT://0.0.0.0:${broker.context.port},CONTROLLER://127.0.0.1:${broker.context.controllerPort}`,
    KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://127.0.0.1:${broker.context.port}`,
  })
})

test('the listeners of Kafka are published, and advertise the proxies of its clients', async () => {
  await using scratch = await openScratch()
  const docker = await openRecordingDocker(scratch.dir)
  const context = {
    ...(await contextIn(scratch.dir, 'kafka')),
    environment: docker.environment,
    listeners: [{ port: 4192, advertisedPort: 4507 }],
  }
  const { spec, calls } = await startAndRun(scratch.dir, kafka, context)
  expect((await calls()).at(-1)).toContain('-p 127.0.0.1:4192:4192 ')
  expect(spec.ports).toContain(4192)
  expect(spec.env['KAFKA_LISTENERS']).toContain('LISTENER4192://0.0.0.0:4192,')
  expect(spec.env['KAFKA_ADVERTISED_LISTENERS']).toMatch(/,LISTENER4192:\/\/127\.0\.0\.1:4507$/)
})

test('the password never appears on a command line', async () => {
  await using scratch = await openScratch()
  const { context, spec, calls } = await startAndRun(scratch.dir, postgres)
  expect(spec.env['POSTGRES_PASSWORD']).toBe(context.password)
  expect((await calls()).join('\n')).not.toContain(context.password)
})

test('a reset takes a new volume, and the old one is removed', async () => {
  await using scratch = await openScratch()
  const first = await startAndRun(scratch.dir, postgres)
  const volume = await readFile(join(first.context.dataDir, 'docker-volume'), 'utf8')
  await startAndRun(scratch.dir, postgres, first.context)
  expect(await first.calls()).not.toContain(`volume rm --force ${volume}`)

  await rm(first.context.dataDir, { recursive: true })
  await startAndRun(scratch.dir, postgres, first.context)
  expect(await first.calls()).toContain(`volume rm --force ${volume}`)
})

/** Starts a part as if only Docker could run it, and runs its command to the end. */
async function startAndRun(
  dir: string,
  part: Part,
  earlier?: Awaited<ReturnType<typeof contextIn>>,
) {
  const docker = await openRecordingDocker(dir)
  const context = earlier ?? {
    ...(await contextIn(dir, part.name)),
    environment: docker.environment,
  }
  const found: Found = { how: 'docker', version: '', image: images[part.name] }
  const spec = await part.start(context, found)
  const ended = spawnSync(spec.command, spec.args, {
    cwd: spec.cwd,
    env: { PATH: environmentOf({})['PATH'] ?? '', ...spec.env },
  })
  expect(ended.status).toBe(0)
  return { context, spec, calls: docker.calls }
}

/** A fake `docker` that only records its calls and its volumes. */
async function openRecordingDocker(dir: string) {
  const bin = join(dir, 'bin')
  const record = join(dir, 'calls')
  const volumes = join(dir, 'volumes')
  for (const path of [bin, volumes]) await mkdir(path, { recursive: true })
  const script = `#!/bin/sh
echo "$*" >> '${record}'
case "$1 $2" in
  'version --format') echo 28.0.0 ;;
  'image inspect') test -e '${dir}/pulled' ;;
  'pull --quiet') : > '${dir}/pulled' ;;
  'volume create') for name; do :; done; : > "${volumes}/$name" ;;
  'volume ls') for file in ${volumes}/*; do echo "\${file##*/}"; done ;;
esac
`
  await writeFile(join(bin, 'docker'), script, { mode: 0o755 })
  return {
    environment: { PATH: bin },
    calls: async () => (await readFile(record, 'utf8')).trim().split('\n'),
  }
}
