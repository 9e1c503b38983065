import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { environmentOf, findExecutable } from '../machine.ts'
import { readIfThere } from '../read-if-there.ts'
import type { ProcessSpec } from '../supervisor/process-spec.ts'
import { writeWhole } from '../write-whole.ts'
import type { Found, Missing, PartContext } from './part.ts'
import { runCommand } from './run-command.ts'
import { tryOne } from './try-each.ts'

export type DockerFound = Extract<Found, { how: 'docker' }>

/** A part as a container: the needs of its image, and the process for the supervisor. */
export type Container = Pick<
  ProcessSpec,
  'name' | 'kind' | 'ports' | 'ready' | 'stopSignal' | 'stopGraceMs' | 'startTimeoutMs'
> & {
  /** The port that the server listens on inside. */
  containerPort: number
  /** Further ones, which have the same number outside. */
  morePorts?: readonly number[]
  /** Where the image keeps its data; without it no data is kept. */
  volumeAt?: string
  /** Only the names stand on the command line, so that no value shows in a list of processes. */
  env: Readonly<Record<string, string>>
  /** Added after the image: arguments of its entry point. */
  args: readonly string[]
}

const versionDeadlineMs = 3_000
const commandDeadlineMs = 10_000
const pullDeadlineMs = 600_000
const volumeLabel = 'nightshift.data'

/** Which engine to talk to, and how; all else of the caller's environment stays out. */
const clientSettings = ['DOCKER_HOST', 'DOCKER_CONTEXT', 'DOCKER_CONFIG', 'DOCKER_CERT_PATH']

/**
 * The last candidate of every part: an engine that answers, and the official image.
 * @param otherwise why all other candidates failed, and how to get one
 */
export async function findInDocker(
  context: Pick<PartContext, 'environment' | 'report'>,
  image: string,
  otherwise: Omit<Missing, 'how'>,
): Promise<DockerFound | Missing> {
  const tried = await tryOne('docker', async () => {
    await dockerVersion(context)
    await pull(context, image)
  })
  if (tried.ok) return { how: 'docker', version: versionOf(image), image }
  return { ...otherwise, how: 'missing', reasons: [...otherwise.reasons, ...tried.reasons] }
}

/** The tag of an image that may also have a digest. */
function versionOf(image: string): string {
  return image.slice(image.indexOf(':') + 1).split('@', 1)[0] ?? ''
}

/** The version of the engine, not of the client. Throws when no engine answers. */
export async function dockerVersion(context: Pick<PartContext, 'environment'>): Promise<string> {
  const { stdout } = await runCommand('docker', ['version', '--format', '{{.Server.Version}}'], {
    environment: environmentOf(context),
    deadlineMs: versionDeadlineMs,
  })
  return stdout.trim()
}

async function pull(
  context: Pick<PartContext, 'environment' | 'report'>,
  image: string,
): Promise<void> {
  const present = await tryOne(image, () => docker(context, ['image', 'inspect', image]))
  if (present.ok) return
  context.report(`Docker: pulling ${image}`)
  await docker(context, ['pull', '--quiet', image], pullDeadlineMs)
}

/**
 * The client stays in the foreground as the supervised process: it passes on signals and logs. If
 * the client is killed, the container outlives it and holds name and port. So every start, also the
 * supervisor's own restart, first removes a container of that name.
 */
export async function startInDocker(
  context: PartContext,
  image: string,
  container: Container,
): Promise<ProcessSpec> {
  const { containerPort, morePorts = [], volumeAt, env, args, ...spec } = container
  const environment = environmentOf(context)
  const client = await findExecutable('docker', environment)
  if (client === undefined) throw new Error('docker is not on the PATH any more')
  await mkdir(context.dataDir, { recursive: true })
  const name = `nightshift-${spec.name}-${context.port}`
  const volume =
    volumeAt === undefined ? [] : ['-v', `${await volumeOf(context, name)}:${volumeAt}`]
  const published = [[context.port, containerPort], ...morePorts.map(port => [port, port])]
  const settings = clientSettings.flatMap(key => {
    const value = environment[key]
    return value === undefined ? [] : [[key, value]]
  })
  const run = [
    '--rm',
    '--name',
    name,
    ...published.flatMap(([outside, inside]) => ['-p', `127.0.0.1:${outside}:${inside}`]),
    ...volume,
    ...Object.keys(env).flatMap(key => ['-e', key]),
    image,
    ...args,
  ]
  const script = '"$CLIENT" rm --force "$CONTAINER" >/dev/null 2>&1; exec "$CLIENT" run "$@"'
  return {
    ...spec,
    command: '/bin/sh',
    args: ['-c', script, 'sh', ...run],
    cwd: context.dataDir,
    env: { ...Object.fromEntries(settings), ...env, CLIENT: client, CONTAINER: name },
  }
}

/**
 * A named volume, because a container's user could not write to our directory, and we could not
 * delete its files. The directory holds the volume's name: when a reset wipes it, the next start
 * takes a new volume and removes the orphan.
 */
async function volumeOf(context: PartContext, container: string): Promise<string> {
  const nameFile = join(context.dataDir, 'docker-volume')
  const volume = (await readIfThere(nameFile)) ?? `${container}-${randomUUID()}`
  // Any other name would make the volume an orphan, and its data would be lost.
  if (!/^nightshift-[\w-]+$/.test(volume)) {
    throw new Error(`${nameFile} is damaged: run \`npm run reset\` to begin without data`)
  }
  await writeWhole(nameFile, volume)
  const label = `${volumeLabel}=${context.dataDir}`
  await docker(context, ['volume', 'create', '--label', label, volume])
  const { stdout } = await docker(context, ['volume', 'ls', '-q', '--filter', `label=${label}`])
  const orphans = stdout.split('\n').filter(name => name !== '' && name !== volume)
  if (orphans.length > 0) await docker(context, ['volume', 'rm', '--force', ...orphans])
  return volume
}

async function docker(
  context: Pick<PartContext, 'environment'>,
  args: readonly string[],
  deadlineMs: number = commandDeadlineMs,
) {
  return runCommand('docker', args, { environment: environmentOf(context), deadlineMs })
}
