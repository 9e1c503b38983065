import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { cp, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type Environment, environmentOf } from '@nightshift/local/machine'
import { runCommand } from '@nightshift/local/parts/run-command'
import { tryOne } from '@nightshift/local/parts/try-each'
import { findFreePorts } from '@nightshift/local/ports/free-ports'
import { portPlan } from '@nightshift/local/ports/ports'
import { repoRoot, statePaths } from '@nightshift/local/system/state'
import { makeThrowAwayDir } from '@nightshift/local/throw-away'
import { expect, test } from 'vitest'

/** A start and a stop take 20 s, and three times as long on a busy machine. */
const testMs = 90_000
const namespaceMs = 5_000
const bootstrap = 'tools/cli/bootstrap.mjs'

/** Each of these has stopped a start: by a library that reads it, or by a program that inherits it. */
const hostile = {
  LANG: 'C',
  PGSSLMODE: 'require',
  PGOPTIONS: '-c search_path=x',
  PGHOST: '192.0.2.1',
  PGSERVICE: 'nowhere',
  PGUSER: 'nobody',
  PGDATA: '/nowhere',
  NODE_PG_FORCE_NATIVE: '1',
  NODE_OPTIONS: '--no-strip-types',
  NODE_USE_ENV_PROXY: '1',
  HTTP_PROXY: 'http://127.0.0.1:9',
  http_proxy: 'http://127.0.0.1:9',
  OTEL_SDK_DISABLED: 'true',
  OTEL_SERVICE_NAME: 'another-program',
  JAVA_TOOL_OPTIONS: '-Xmx1k',
  JDK_JAVA_OPTIONS: '-Xmx1k',
  _JAVA_OPTIONS: '-Xmx1k',
  KAFKA_OPTS: '-Xmx1k',
  KAFKA_HEAP_OPTS: '-Xmx1k',
}

/** A user that no list of users has; outside of its namespace the files belong to us. */
const unknownUser = ['unshare', '--user', '--map-user=54321', '--map-group=54321']

test('a start needs nothing of the shell: no locale, no libpq, no proxy, no Java options, no user name', {
  timeout: testMs,
}, async () => {
  const dir = await makeThrowAwayDir()
  try {
    const clone = join(dir, 'bugs ü', 'night shift')
    await makeClone(clone)
    const environment = environmentOf({})
    const prefix = (await canBeUnknown(environment)) ? unknownUser : ['env']
    const [command = '', ...args] = [...prefix, process.execPath, join(clone, bootstrap), 'start']
    const child = spawn(command, args, {
      env: { ...hostile, PATH: environment['PATH'], HOME: dir, TMPDIR: join(dir, 'bugs ü') },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const ended = once(child, 'close')
    const [out, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
    await ended
    expect(`${out}${errors}`).toContain('everything was ready, and 0 ports are left')
    expect(errors).toMatch(/^Not used by the system: .*PGSSLMODE.*OTEL_SDK_DISABLED/m)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
})

/** Some containers forbid namespaces; there the test has the user that it has. */
async function canBeUnknown(environment: Environment): Promise<boolean> {
  const [command = '', ...args] = unknownUser
  const tried = await tryOne('namespace', () =>
    runCommand(command, [...args, 'true'], { environment, deadlineMs: namespaceMs }),
  )
  return tried.ok
}

/** The bootstrap of a clone, its downloads, and a command that starts and stops a whole system. */
async function makeClone(clone: string): Promise<void> {
  const state = statePaths(join(clone, '.nightshift'))
  await mkdir(join(clone, 'tools/cli/commands'), { recursive: true })
  await mkdir(join(clone, 'node_modules'))
  await mkdir(state.dir)
  await cp(join(repoRoot, bootstrap), join(clone, bootstrap))
  await symlink(statePaths().tools, state.tools)
  await writeFile(join(clone, 'package.json'), '{ "type": "module" }')
  await writeFile(join(clone, 'package-lock.json'), '{}')
  const stamp = createHash('sha256').update('{}').digest('hex')
  await writeFile(join(clone, 'node_modules/.nightshift-installed'), stamp)
  const names = Object.keys(portPlan(0))
  const free = await findFreePorts(names.length)
  const ports = Object.fromEntries(names.map((name, at) => [name, free[at]]))
  await writeFile(join(clone, 'tools/cli/commands/start.ts'), startCommand(state.dir, ports))
}

function startCommand(stateDir: string, ports: object): string {
  const local = join(repoRoot, 'infra/local/src')
  return `
    import { startSystem } from ${JSON.stringify(join(local, 'system/start-system.ts'))}
    import { statePaths } from ${JSON.stringify(join(local, 'system/state.ts'))}
    import { stopSystem } from ${JSON.stringify(join(local, 'system/stop-system.ts'))}
    const state = statePaths(${JSON.stringify(stateDir)})
    const progress = { report: console.log, step: async (title, work) => {
      const result = await work()
      console.log(title)
      return result
    } }
    const options = { state, ports: ${JSON.stringify(ports)}, environment: process.env, progress, beganAtMs: Date.now(),
      stop: new AbortController().signal }
    await startSystem(options, async () => undefined)
    const { portsLeft } = await stopSystem(state)
    console.log('everything was ready, and', portsLeft.length, 'ports are left')`
}
