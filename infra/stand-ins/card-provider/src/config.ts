import { createEnvReader } from '../../read-env.ts'

export type Config = Readonly<{
  host: string
  port: number
  secretKey: string
  truthLog: string
}>

/** Reads PORT, HOST, SECRET_KEY and TRUTH_LOG; throws one error that lists every mistake. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const read = createEnvReader(env)
  const config = {
    host: read.text('HOST', '127.0.0.1'),
    port: read.port('PORT'),
    secretKey: read.text('SECRET_KEY'),
    truthLog: read.text('TRUTH_LOG'),
  }
  read.finish()
  return config
}
