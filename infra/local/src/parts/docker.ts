import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { environmentOf, findExecutable } from '../machine.ts'
import { readIfThere } from '../read-if-there.ts'
import type { ProcessSpec } from '../supervisor/process-spec.ts'
import { writeWhole } from '../write-whole.ts'
import type { Found, PartContext } from './part.ts'
import { runCommand } from './run-command.ts'
import { reach } from './try-each.ts'

export type DockerFound = Extract<Found, { how: 'docker' }>

/** A part as a container: what the image needs, and the process that the rest of us sees. */
export type Container = Pick<
  ProcessSpec,
  'name' | 'kind' | 'ports' | 'ready' | 'stopSignal' | 'stopGraceMs' | 'startTimeoutMs'
> & {
  /** The port that the server listens on inside. */
  containerPort: number
  /** Further ones, which have the same number outside. */
  morePorts?: readonly number[]
  /** Where the image keeps its data; nothing is kept without it. */
  volumeAt?: string
  /** Given by name on the command line, so that no value shows up in a list of processes. */
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

/** The last resort of every part: an engine that answers, and the official image. */
export async function findDocker(
  context: Pick<PartContext, 'environment' | 'say'>,
  image: string,
): Promise<DockerFound | { how: 'nowhere'; why: string }> {
  const climbed = await reach('docker', async () => {
    await dockerVersion(context)
    await pull(context, image)
  })
  if (!climbed.reached) return { how: 'nowhere', why: climbed.looked.join() }
  return { how: 'docker', version: image.slice(image.indexOf(':') + 1), image }
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
  context: Pick<PartContext, 'environment' | 'say'>,
  image: string,
): Promise<void> {
  const present = await reach(image, () => docker(context, ['image', 'inspect', image]))
  if (present.reached) return
  context.say(`Docker: pulling ${image}`)
  await docker(context, ['pull', '--quiet', image], pullDeadlineMs)
}

/**
 * The client stays in the foreground as the supervised process: it passes on signals and logs. If
 * the client is killed, the container outlives it and holds name and port; so every start, also
 * the supervisor's own restart, first removes what bears the name.
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
    ...['--rm', '--name', name],
    ...published.flatMap(([outside, inside]) => ['-p', `127.0.0.1:${outside}:${inside}`]),
    ...volume,
    ...Object.keys(env).flatMap(key => ['-e', key]),
    ...[image, ...args],
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
 * A named volume, because a container's user could not write to our directory, nor we delete what
 * it wrote. The directory holds the volume's name: when a reset wipes it, the next start takes a
 * new volume and removes the orphan.
 */
async function volumeOf(context: PartContext, container: string): Promise<string> {
  const nameFile = join(context.dataDir, 'docker-volume')
  const volume = (await readIfThere(nameFile)) ?? `${container}-${randomUUID()}`
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
