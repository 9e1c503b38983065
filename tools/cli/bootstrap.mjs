/**
 * The first thing that runs on a bare machine: `node tools/cli/bootstrap.mjs <command> [args]`.
 * Plain JavaScript that any Node >= 18 understands, because its job is to find a Node that runs the
 * rest. It installs what is missing or out of date, then steps aside for the command.
 */
import { spawn } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import {
  link,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { constants } from 'node:os'
import { basename, delimiter, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const repoRoot = fileURLToPath(new URL('../..', import.meta.url))
const commandsDir = join(repoRoot, 'tools/cli/commands')
const toolsNode = join(repoRoot, 'tools/node')
const lockFile = join(repoRoot, '.nightshift/bootstrap.lock')

/** Oldest Node with stable type stripping and the loader hooks that tracing needs. */
const nodeFloor = [24, 11, 1]
const lockDeadlineMs = 5 * 60_000
const lockPollMs = 200
const lockTouchMs = 2_000
/** An owner that has not touched its lock for this long is gone; another process may have its pid. */
const lockStaleMs = 60_000
const failureLinesMax = 30
const outputCharactersMax = 64 * 1024

const exitUsage = 2

/**
 * Libraries read these by themselves, wherever they stand: libpq's variables would change each
 * connection of ours, and options for another Node may stop this one. The services never see them.
 */
const readByLibraries = /^(PG[A-Z]|NODE_PG_|OTEL_|NODE_OPTIONS$)/
/** Our commands read these themselves, and say so in their help. */
const readByCommands = ['OTEL_TRACES_SAMPLER_ARG', 'OTEL_EXPORTER_OTLP_ENDPOINT']

/** The command gets this time, so that the duration it prints includes the installation. */
const beganAtMs = Date.now()

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

async function main([command, ...args]) {
  const commands = await listCommands()
  if (command === undefined || command === '--help' || command === '-h') {
    console.log(await usage(commands))
    return command === undefined ? exitUsage : 0
  }
  if (!commands.includes(command)) {
    console.error(`There is no command ${JSON.stringify(command)}.\n\n${await usage(commands)}`)
    return exitUsage
  }
  const node = await ensureNode()
  await ensurePackages(node)
  if (command === 'start') tellWhatIsLeftOut()
  return run(node, [join(commandsDir, `${command}.ts`), ...args])
}

/** Each command is a file; the first comment line of the file is its summary. */
async function listCommands() {
  const files = await readdir(commandsDir)
  return files
    .filter(file => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map(file => file.slice(0, -'.ts'.length))
    .sort()
}

async function usage(commands) {
  const lines = await Promise.all(
    commands.map(async command => {
      const text = await readFile(join(commandsDir, `${command}.ts`), 'utf8')
      const summary = /^\/\*\*\s*(?:\* )?(.*?)\s*(?:\*\/)?$/m.exec(text)?.[1] ?? ''
      return `  ${command.padEnd(10)} ${summary}`.trimEnd()
    }),
  )
  return ['Usage: npm run <command> [-- arguments]', '', ...lines].join('\n')
}

/** Finds a Node that is new enough: the running one, else the pinned one, fetched when absent. */
async function ensureNode() {
  if (isNewEnough(process.versions.node)) return process.execPath
  const pin = `node-${process.platform}-${process.arch}`
  const pins = JSON.parse(await readFile(join(toolsNode, 'package.json'), 'utf8'))
  const version = pins.optionalDependencies[pin]
  if (version === undefined) {
    const [known] = Object.values(pins.optionalDependencies)
    throw new Error(
      `This is Node ${process.versions.node}; Nightshift needs ${nodeFloor.join('.')} or newer, ` +
        `and can only bring its own to Linux on x64 or arm64.\n` +
        `Install Node ${known} from https://nodejs.org/en/download and try again.`,
    )
  }
  const binary = join(toolsNode, 'node_modules', pin, 'bin/node')
  const isComplete = async () => existsSync(binary) && (await isInstalled(toolsNode))
  if (!(await isComplete())) {
    await withLock(async () => {
      if (await isComplete()) return
      await install(process.execPath, toolsNode, `Node ${version}`)
    })
  }
  return binary
}

function isNewEnough(version) {
  const parts = version.split('.').map(Number)
  const at = nodeFloor.findIndex((floor, i) => parts[i] !== floor)
  return at === -1 || parts[at] > nodeFloor[at]
}

async function ensurePackages(node) {
  if (await isInstalled(repoRoot)) return
  await withLock(async () => {
    if (await isInstalled(repoRoot)) return
    await install(node, repoRoot, 'npm packages')
  })
}

// The stamp lies inside node_modules, so that deleting the packages deletes the stamp.
function stampOf(dir) {
  return join(dir, 'node_modules/.nightshift-installed')
}

async function lockfileHash(dir) {
  const lockfile = await readFile(join(dir, 'package-lock.json'))
  return createHash('sha256').update(lockfile).digest('hex')
}

async function isInstalled(dir) {
  const stamp = await readOrUndefined(stampOf(dir))
  return stamp === (await lockfileHash(dir))
}

async function install(node, dir, what) {
  const startedAt = Date.now()
  const hash = await lockfileHash(dir)
  await rm(stampOf(dir), { force: true })
  // Development dependencies are asked for by name: NODE_ENV=production would leave them out. No script of a
  // package runs: the one that we would need makes links, and unpacking PostgreSQL makes them, too.
  await npm(
    node,
    ['ci', '--prefix', dir, '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund'],
    dir,
  )
  await writeFile(stampOf(dir), hash)
  console.error(`Installed ${what} in ${((Date.now() - startedAt) / 1000).toFixed(1)} s.`)
}

/** Runs npm quietly with the given Node; its output is shown only when it fails. */
async function npm(node, args, cwd) {
  const cli = process.env.npm_execpath
  const byPath = cli !== undefined && basename(cli) === 'npm-cli.js' && existsSync(cli)
  const [file, allArgs] = byPath ? [node, [cli, ...args]] : ['npm', args]
  const child = spawn(file, allArgs, {
    cwd,
    env: environmentWith(node),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const stopForwarding = forwardSignals(child)
  let output = ''
  const keep = chunk => {
    output = (output + chunk).slice(-outputCharactersMax)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  try {
    const code = await exitCodeOf(child)
    if (code === 0) return
    throw new Error(`npm ${args.slice(0, 3).join(' ')} failed (exit ${code}):\n${excerpt(output)}`)
  } finally {
    stopForwarding()
  }
}

/** Keeps the first lines, where npm says what is wrong, and the last, where a build script does. */
function excerpt(output) {
  const lines = output.trimEnd().split('\n')
  if (lines.length <= failureLinesMax) return lines.join('\n')
  const half = failureLinesMax / 2
  return [...lines.slice(0, half), '...', ...lines.slice(-half)].join('\n')
}

/** Runs the command in our place: its terminal, its signals, its exit code. */
async function run(node, args) {
  const child = spawn(node, args, { stdio: 'inherit', env: environmentOfCommand(node) })
  const stopForwarding = forwardSignals(child)
  try {
    return await exitCodeOf(child)
  } finally {
    stopForwarding()
  }
}

/** Puts the chosen Node first on PATH, so that every program the command starts runs on it too. */
function environmentWith(node) {
  const began = { NIGHTSHIFT_BEGAN_AT_MS: String(beganAtMs) }
  return { ...process.env, ...began, PATH: [dirname(node), process.env.PATH].join(delimiter) }
}

function isLeftOut(name) {
  return readByLibraries.test(name) && !readByCommands.includes(name)
}

/** The environment of a command. npm gets all of the caller's, which may name a registry or a proxy. */
function environmentOfCommand(node) {
  const entries = Object.entries(environmentWith(node)).filter(([name]) => !isLeftOut(name))
  return { ...Object.fromEntries(entries), ...withoutProxyForLoopback(process.env) }
}

/** Everything of ours listens on loopback, where no proxy can reach it. */
function withoutProxyForLoopback(environment) {
  const asked = environment.no_proxy || environment.NO_PROXY || ''
  if (asked === '*') return {}
  const value = [...(asked === '' ? [] : [asked]), '127.0.0.1', 'localhost', '::1'].join(',')
  return { no_proxy: value, NO_PROXY: value }
}

/** A start says which variables it does not honor. The collector of the services is always our own. */
function tellWhatIsLeftOut() {
  const names = Object.keys(process.env).filter(
    name => isLeftOut(name) || name === 'OTEL_EXPORTER_OTLP_ENDPOINT',
  )
  if (names.length === 0) return
  console.error(`Not used by the system: ${names.join(', ')}. See \`npm start -- --help\`.`)
}

/**
 * Hands signals on and stays until the child has ended. A terminal sends Ctrl-C to the whole
 * foreground group, so there the child has it already; twice would mean "hurry, leave a mess".
 */
function forwardSignals(child) {
  const onTerminal = [process.stdin, process.stdout, process.stderr].some(stream => stream.isTTY)
  const listeners = ['SIGINT', 'SIGTERM', 'SIGHUP'].map(signal => [
    signal,
    () => {
      if (signal !== 'SIGINT' || !onTerminal) child.kill(signal)
    },
  ])
  for (const [signal, listener] of listeners) process.on(signal, listener)
  return () => {
    for (const [signal, listener] of listeners) process.off(signal, listener)
  }
}

function exitCodeOf(child) {
  return new Promise((done, fail) => {
    child.once('error', fail)
    child.once('close', (code, signal) => {
      done(code ?? 128 + (signal === null ? 0 : constants.signals[signal]))
    })
  })
}

/** Two commands on a fresh clone install once: the second waits, then finds the work done. */
async function withLock(work) {
  await mkdir(dirname(lockFile), { recursive: true })
  const deadline = Date.now() + lockDeadlineMs
  let hasTold = false
  while (!(await tryLock())) {
    const owner = await lockOwner()
    if (owner?.isStale) {
      await breakLock(owner.text)
      continue
    }
    if (Date.now() > deadline) {
      throw new Error(
        `Waited ${lockDeadlineMs / 60_000} minutes for process ${owner?.pid ?? '?'} to finish ` +
          `installing. End it, or delete ${lockFile}, and try again.`,
      )
    }
    if (!hasTold) console.error('Another command is installing; waiting for it.')
    hasTold = true
    await sleep(lockPollMs)
  }
  const touching = setInterval(() => {
    // A failure here only means that the lock looks stale a minute later.
    utimes(lockFile, new Date(), new Date()).catch(() => undefined)
  }, lockTouchMs)
  try {
    return await work()
  } finally {
    clearInterval(touching)
    await rm(lockFile, { force: true })
  }
}

async function tryLock() {
  try {
    await writeFile(lockFile, `${process.pid} ${randomUUID()}`, { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  }
}

async function lockOwner() {
  const text = await readOrUndefined(lockFile)
  if (text === undefined) return undefined
  const touchedAt = await stat(lockFile).then(
    ({ mtimeMs }) => mtimeMs,
    () => Date.now(), // released between the two reads; the next round sees it
  )
  const pid = Number.parseInt(text, 10)
  // A lock without a pid is one that is being written; its age decides.
  const isGone = pid > 0 && !isAlive(pid)
  return { text, pid, isStale: isGone || Date.now() - touchedAt > lockStaleMs }
}

/** Removes a stale lock, unless another process was faster and the file has a new owner by now. */
async function breakLock(staleText) {
  const aside = `${lockFile}.${randomUUID()}`
  try {
    await rename(lockFile, aside)
  } catch (error) {
    if (error.code === 'ENOENT') return
    throw error
  }
  if ((await readFile(aside, 'utf8')) !== staleText) {
    await link(aside, lockFile).catch(error => {
      if (error.code !== 'EEXIST') throw error
    })
  }
  await unlink(aside)
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

async function readOrUndefined(file) {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}
