import type { EnvReader } from '../../read-env.ts'
import { createEnvReader } from '../../read-env.ts'
import type { CallbackEndpoint } from './post-webhook.ts'

export type Config = Readonly<{
  host: string
  port: number
  secretKey: string
  truthLog: string
  /** Where all faults of the system are written down. */
  nemesisUrl: string | undefined
  /** Who is told of what is done; undefined: nobody. */
  callbacks: CallbackEndpoint | undefined
}>

/** Reads the settings; throws one error that lists every mistake. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const read = createEnvReader(env)
  const config = {
    host: read.text('HOST', '127.0.0.1'),
    port: read.port('PORT'),
    secretKey: read.text('SECRET_KEY'),
    truthLog: read.text('TRUTH_LOG'),
    nemesisUrl: read.url('NEMESIS_URL'),
    callbacks: readCallbacks(read),
  }
  read.finish()
  return config
}

function readCallbacks(read: EnvReader): CallbackEndpoint | undefined {
  const url = read.url('CALLBACK_URL')
  const secret = read.text('CALLBACK_SECRET', '')
  if ((url === undefined) !== (secret === '')) {
    read.refuse('CALLBACK_URL and CALLBACK_SECRET go together: give both or neither')
  }
  return url === undefined ? undefined : { url, secret }
}
