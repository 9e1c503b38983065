import { readFileSync } from 'node:fs'
import { createEnvReader } from '../../simulators/read-env.ts'

export type Config = Readonly<{
  host: string
  port: number
  faultLog: string
  /** The token of the control API. */
  controlToken: string
  /** The random sources of all toxics derive from it. */
  seed: number
  /** The proxies to start with, as POST /populate takes them. */
  proxies: unknown
}>

const seedMax = 2 ** 32 - 1

/**
 * Reads HOST, PORT (4474), FAULT_LOG, CONTROL_TOKEN, SEED (1), and the proxies: LINKS is their list as JSON,
 * PROXIES_FILE the path of a file with it. Throws one error that names every missing setting, or one
 * that can not be read.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const read = createEnvReader({ ...env, PORT: env['PORT'] || '4474' })
  const links = read.text('LINKS', '[]')
  const config = {
    host: read.text('HOST', '127.0.0.1'),
    port: read.port('PORT'),
    faultLog: read.text('FAULT_LOG'),
    controlToken: read.text('CONTROL_TOKEN'),
    seed: readSeed(read.text('SEED', '1')),
  }
  read.finish()
  if (!Number.isInteger(config.seed) || config.seed < 0 || config.seed > seedMax) {
    throw new Error(`settings: SEED must be a whole number from 0 to ${seedMax}`)
  }
  const path = env['PROXIES_FILE']
  if (path && env['LINKS']) throw new Error('settings: give LINKS or PROXIES_FILE, not both')
  return path
    ? { ...config, proxies: parseList('PROXIES_FILE', readFileSync(path, 'utf8')) }
    : { ...config, proxies: parseList('LINKS', links) }
}

/** `Number` would also take `0x10`, `1e3` and ` 5`. */
function readSeed(text: string): number {
  return /^(?:0|[1-9]\d{0,14})$/.test(text) ? Number(text) : Number.NaN
}

function parseList(name: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Error(`settings: ${name} is not JSON`, { cause })
  }
}
