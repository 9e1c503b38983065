import { createEnvReader } from '../../read-env.ts'

export type Config = Readonly<{
  host: string
  port: number
  smtpPort: number
  mailLog: string
  /** The token for changes of the settings. It opens the fault log, too. */
  controlToken: string
  /** This is undefined when the system keeps no fault log. */
  faultLogUrl: string | undefined
}>

/** Reads the environment. Throws one error that lists every mistake. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const read = createEnvReader(env)
  const config = {
    host: read.text('HOST', '127.0.0.1'),
    port: read.port('PORT'),
    smtpPort: read.port('SMTP_PORT'),
    mailLog: read.text('MAIL_LOG'),
    controlToken: read.text('CONTROL_TOKEN'),
    faultLogUrl: read.url('FAULT_LOG_URL'),
  }
  read.finish()
  return config
}
